package ingest_test

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"slices"
	"testing"

	"sluice/ingest"
	"sluice/internal/atomicfile"
	"sluice/internal/atomicfile/crashfs"
	"sluice/internal/fault"
	"sluice/internal/proof"
)

// sealed adds the checksum to a line of a checkpoint file.
func sealed(line string) []byte {
	return fmt.Appendf(nil, "%s\ncrc32c %08x\n", line, crc32.Checksum([]byte(line+"\n"), crc32.MakeTable(crc32.Castagnoli)))
}

// The generations from which damage is made.
var (
	newer = sealed(`{"format":"sluice checkpoint","version":2,"source":"fp","epoch":3,"seq":12,"writer":"w","saved_at":"2026-11-22T00:00:00Z","cursor":"new"}`)
	older = sealed(`{"format":"sluice checkpoint","version":2,"source":"fp","epoch":3,"seq":11,"writer":"w","saved_at":"2026-11-22T00:00:00Z","cursor":"old"}`)
)

// put makes a state folder with these two files in it; nil: it is not there.
func put(t testing.TB, current, previous []byte) *crashfs.FS {
	t.Helper()
	disk := crashfs.New(1)
	if err := atomicfile.MkdirAll(disk, stateDir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := ingest.CheckpointPath(stateDir)
	for name, data := range map[string][]byte{path: current, ingest.PreviousPath(path): previous} {
		if data == nil {
			continue
		}
		if err := atomicfile.Write(disk, name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return disk
}

// files reads the folder.
func files(t *testing.T, disk *crashfs.FS) map[string]string {
	t.Helper()
	names, err := disk.Names(stateDir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range names {
		data, err := atomicfile.Read(disk, stateDir+"/"+name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(data)
	}
	delete(all, "lock")
	return all
}

// load is the start of a daemon.
func load(t *testing.T, disk *crashfs.FS) (*ingest.FileCheckpoint, ingest.Cursor, error, error) {
	t.Helper()
	var fellBack error
	c, err := ingest.OpenCheckpointOn(t.Context(), disk, ingest.CheckpointOptions{Dir: stateDir, Fingerprint: "fp", FellBack: func(err error) { fellBack = err }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	cursor, err := c.Load(t.Context())
	return c, cursor, fellBack, err
}

func TestCheckpointThatIsNotAsItShouldBe(t *testing.T) {
	t.Parallel()
	version := func(v int) []byte {
		return sealed(fmt.Sprintf(`{"format":"sluice checkpoint","version":%d,"source":"fp","epoch":9,"seq":99,"cursor":"x"}`, v))
	}
	foreign := sealed(`{"format":"sluice checkpoint","version":2,"source":"other","epoch":3,"seq":12,"cursor":"x"}`)
	line, _, _ := bytes.Cut(newer, []byte("\n"))
	damaged, gone := ingest.ErrCheckpointDamaged, []byte(nil)
	cases := []struct {
		name              string
		current, previous []byte
		cursor            ingest.Cursor // "": refused, with
		err               error
		reason            string
		fallback          bool
	}{
		{name: "both whole", current: newer, previous: older, cursor: "new"},
		{name: "no previous one", current: newer, previous: gone, cursor: "new"},
		{name: "previous one damaged", current: newer, previous: []byte("x"), cursor: "new"},
		{name: "empty, no previous one", current: []byte{}, previous: gone, err: damaged, reason: "checkpoint_damaged"},
		{name: "empty", current: []byte{}, previous: older, cursor: "old", fallback: true},
		{name: "only zeros, no previous one", current: make([]byte, 300), previous: gone, err: damaged, reason: "checkpoint_damaged"},
		{name: "only zeros", current: make([]byte, 300), previous: older, cursor: "old", fallback: true},
		{name: "foreign JSON", current: []byte(`{"cursor":"x"}` + "\n"), previous: gone, err: damaged, reason: "checkpoint_damaged"},
		{name: "foreign JSON with a checksum", current: sealed(`{"format":"something else","version":2,"cursor":"x"}`), previous: gone, err: damaged, reason: "checkpoint_damaged"},
		{name: "no JSON, with a checksum", current: sealed("cursor=x"), previous: gone, err: damaged, reason: "checkpoint_damaged"},
		{name: "no checksum", current: append(bytes.Clone(line), '\n'), previous: gone, err: damaged, reason: "checkpoint_damaged"},
		{name: "rubbish behind it", current: append(bytes.Clone(newer), "x\n"...), previous: gone, err: damaged, reason: "checkpoint_damaged"},
		{name: "both damaged", current: []byte("x"), previous: []byte("y"), err: damaged, reason: "checkpoint_damaged"},
		{name: "missing, previous one damaged", current: gone, previous: []byte("y"), err: damaged, reason: "checkpoint_damaged"},
		{name: "missing, previous one there", current: gone, previous: older, cursor: "old", fallback: true},
		{name: "the two swapped", current: older, previous: newer, cursor: "new", fallback: true},
		{name: "of version 0", current: version(0), previous: gone, err: damaged, reason: "checkpoint_damaged"},
		{name: "of version 1", current: version(1), previous: gone, cursor: "x"},
		{name: "of a newer version", current: version(3), previous: older, err: ingest.ErrCheckpointNewer, reason: "checkpoint_newer"},
		{name: "missing, previous one of a newer version", current: gone, previous: version(3), err: ingest.ErrCheckpointNewer, reason: "checkpoint_newer"},
		{name: "of another source", current: foreign, previous: older, err: ingest.ErrCheckpointForeign, reason: "checkpoint_foreign"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			disk := put(t, c.current, c.previous)
			before := files(t, disk)
			checkpoint, cursor, fellBack, err := load(t, disk)
			if c.err != nil {
				if !errors.Is(err, c.err) || fault.From(err).Code() != c.reason || cursor != "" {
					t.Errorf("Load = %q, %v (%s), want %v (%s)", cursor, err, fault.From(err).Code(), c.err, c.reason)
				}
				if after := files(t, disk); !maps.Equal(before, after) {
					t.Errorf("the folder is %q, want it as it was: %q", after, before)
				}
				return
			}
			if err != nil || cursor != c.cursor {
				t.Errorf("Load = %q, %v, want %q", cursor, err, c.cursor)
			}
			if (fellBack != nil) != c.fallback || fellBack != nil && fault.From(fellBack).Code() != "checkpoint_fallback" {
				t.Errorf("fell back because of %v, want %v with the reason checkpoint_fallback", fellBack, c.fallback)
			}
			if err := checkpoint.Save(t.Context(), "next"); err != nil {
				t.Fatal(err)
			}
			after := files(t, disk)
			if c.fallback && c.current != nil && after["checkpoint.damaged"] != string(c.current) {
				t.Errorf("the damaged one is %q, want it kept: %q", after["checkpoint.damaged"], c.current)
			}
			for name, want := range map[string]ingest.Cursor{"checkpoint": "next", "checkpoint.previous": c.cursor} {
				if got, err := ingest.DecodeCheckpoint(name, []byte(after[name])); err != nil || got.Cursor != want || got.Version != 2 {
					t.Errorf("after the next save %s is %+v, %v, want the cursor %q in version 2", name, got, err, want)
				}
			}
		})
	}
}

// Every byte wrong in every bit, every cut: with a previous one it is used, without one nothing is.
func TestCheckpointWithAnyByteWrong(t *testing.T) {
	t.Parallel()
	spoil := map[string][]byte{}
	for i := range newer {
		spoil[fmt.Sprint("cut at ", i)] = newer[:i]
		for bit := range 8 {
			flipped := bytes.Clone(newer)
			flipped[i] ^= 1 << bit
			spoil[fmt.Sprint("bit ", bit, " of byte ", i)] = flipped
		}
	}
	t.Run("with a previous one", func(t *testing.T) {
		for _, name := range slices.Sorted(maps.Keys(spoil)) {
			c, cursor, fellBack, err := load(t, put(t, spoil[name], older))
			if err != nil || cursor != "old" || fault.From(fellBack).Code() != "checkpoint_fallback" {
				t.Errorf("%s: Load = %q, %v, fell back because of %v; want the previous cursor", name, cursor, err, fellBack)
			}
			_ = c.Close()
		}
		proof.Fault(t, "checkpoint damaged", len(spoil))
		proof.Row{Area: "disk", Fault: "checkpoint damaged or cut at any byte, the one before it whole", Action: proof.None, Reason: "checkpoint_fallback", Promises: "P3"}.Report(t)
	})
	t.Run("alone", func(t *testing.T) {
		for _, name := range slices.Sorted(maps.Keys(spoil)) {
			c, cursor, _, err := load(t, put(t, spoil[name], nil))
			if !errors.Is(err, ingest.ErrCheckpointDamaged) || fault.From(err).Code() != "checkpoint_damaged" {
				t.Errorf("%s: Load = %q, %v, want it refused as damaged", name, cursor, err)
			}
			_ = c.Close()
		}
		proof.Fault(t, "checkpoint damaged", len(spoil))
	})
}

// A previous one that was fallen back to must stay until something newer is whole, whenever the power fails.
func TestFallbackIsNotOverwrittenWithDamage(t *testing.T) {
	t.Parallel()
	for step, over := 0, false; !over; step++ {
		for seed := range 20 {
			disk := put(t, []byte("damaged"), older)
			disk.CrashAfter(step)
			before := disk.Steps()
			c, err := ingest.OpenCheckpointOn(t.Context(), disk, ingest.CheckpointOptions{Dir: stateDir, Fingerprint: "fp"})
			if err == nil {
				_, _ = c.Load(t.Context())
				_ = c.Save(t.Context(), "next")
			}
			over = disk.Steps()-before < step
			disk.Restart()
			if now, err := ingest.ReadCheckpointOn(disk, ingest.CheckpointPath(stateDir)); err != nil || now.Cursor != "old" && now.Cursor != "next" {
				t.Errorf("power lost after step %d (%d): the checkpoint is %+v, %v", step, seed, now, err)
			}
		}
	}
}

func FuzzCheckpointDecode(f *testing.F) {
	for _, data := range [][]byte{newer, older, {}, []byte("\n\n"), []byte("{}"), bytes.TrimSpace(bytes.Split(newer, []byte("\n"))[0]), sealed(`{"format":"sluice checkpoint","version":9}`),
		sealed(`{"format":"sluice checkpoint","version":1,"source":"fp","cursor":"x"}`)} {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, data := range [][]byte{data, sealed(string(data))} { // sealed: or hardly anything would get past the checksum
			saved, err := ingest.DecodeCheckpoint("file", data)
			switch {
			case err == nil:
				if sum := data[bytes.IndexByte(data, '\n')+1:]; saved.Version < 1 || saved.Version > 2 || len(sum) != len("crc32c 00000000\n") {
					t.Errorf("accepted %+v from %q", saved, data)
				}
			case errors.Is(err, fs.ErrNotExist):
				t.Errorf("error = %v, which would be taken for the beginning", err)
			case !errors.Is(err, ingest.ErrCheckpointDamaged) && !errors.Is(err, ingest.ErrCheckpointNewer):
				t.Errorf("error = %v, want damaged or newer", err)
			}
		}
	})
}
