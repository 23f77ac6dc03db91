package workload_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode"

	"sluice/bench/workload"
)

// pool makes the records of a workload whose block records has these keys.
func pool(t *testing.T, records string) *workload.Pool {
	t.Helper()
	p, err := parse(t, valid+"records: {"+records+"}\n").Pool(nil)
	if err != nil {
		t.Fatalf("Pool: %v", err)
	}
	return p
}

func lengths(p *workload.Pool) []int {
	all := make([]int, p.Size())
	for i := range all {
		all[i] = len(p.Body(i))
	}
	slices.Sort(all)
	return all
}

func TestLengths(t *testing.T) {
	t.Parallel()
	near := func(name string, got int, want, tolerance float64) {
		t.Helper()
		if math.Abs(float64(got)-want) > tolerance*want {
			t.Errorf("%s: %d bytes, want %v ± %v %%", name, got, want, tolerance*100)
		}
	}
	all := lengths(pool(t, "size: {dist: lognormal, p50: 1KiB, p99: 16KiB, max: 24KiB}"))
	near("lognormal p50", all[500], 1024, 0.01)
	near("lognormal p99", all[990], 16384, 0.05)
	near("lognormal p1", all[10], 64, 0.05) // 1 KiB as often divided by 16 as multiplied
	near("lognormal max", all[999], 24576, 0)
	all = lengths(pool(t, "size: {dist: uniform, min: 200B, max: 1200B}"))
	near("uniform shortest", all[0], 200, 0.01)
	near("uniform p25", all[250], 450, 0.01)
	near("uniform longest", all[999], 1200, 0)
	all = lengths(pool(t, "size: {dist: uniform, min: 11B, max: 13B}, pool: 300"))
	if all[99] != 11 || all[100] != 12 || all[199] != 12 || all[200] != 13 || all[299] != 13 {
		t.Errorf("uniform from 11 to 13: %v, want each a hundred times", all)
	}
	all = lengths(pool(t, "size: 100B"))
	if all[0] != 100 || all[999] != 100 {
		t.Errorf("fixed: from %d to %d bytes, want 100", all[0], all[999])
	}
	all = lengths(pool(t, "size: {dist: lognormal, p50: 20B, p99: 400B, max: 1KiB}"))
	near("lognormal JSON, shortest", all[0], 11, 0)
	all = lengths(pool(t, "kind: binary, size: {dist: lognormal, p50: 1B, p99: 1B, max: 1B}"))
	near("lognormal without a spread", all[0]+all[999], 2, 0)
}

func TestBodiesAreWhatTheyAreSaidToBe(t *testing.T) {
	t.Parallel()
	for _, size := range []string{"11B", "12B", "100B", "{dist: uniform, min: 11B, max: 5000B}"} {
		for _, ratio := range []string{"0", "0.5", "0.8"} {
			p := pool(t, "kind: json, size: "+size+", random_ratio: "+ratio)
			for i := range p.Size() {
				var object map[string]string
				if err := json.Unmarshal(p.Body(i), &object); err != nil || len(object) != 1 {
					t.Fatalf("%s: %v, want a JSON object with one string", p.Body(i), err)
				}
			}
		}
	}
	p := pool(t, "kind: text, size: {dist: uniform, min: 1B, max: 300B}, random_ratio: 0.8")
	for i := range p.Size() {
		if j := bytes.IndexFunc(p.Body(i), func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsPrint(r) }); j >= 0 {
			t.Fatalf("%q has %q in it, want printable ASCII", p.Body(i), p.Body(i)[j])
		}
	}
	seen := map[byte]bool{}
	for _, b := range pool(t, "kind: binary, size: 16KiB, random_ratio: 1, pool: 1").Body(0) {
		seen[b] = true
	}
	if len(seen) != 256 {
		t.Errorf("binary: %d different bytes in 16 KiB, want 256", len(seen))
	}
}

func TestAsMuchIsIncompressibleAsTheFileSays(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"json", "text", "binary"} {
		for _, ratio := range []float64{0, 0.1, 0.25, 0.5, 0.8, 1} {
			if ratio > 0.8 && kind != "binary" {
				continue
			}
			p := pool(t, fmt.Sprintf("kind: %s, size: 32KiB, pool: 4, random_ratio: %v", kind, ratio))
			for i := range p.Size() {
				var b bytes.Buffer
				z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
				if _, err := z.Write(p.Body(i)); err != nil || z.Close() != nil {
					t.Fatal(err)
				}
				if got := float64(b.Len()) / (32 << 10); math.Abs(got-ratio) > 0.02 {
					t.Errorf("%s with %v: gzip leaves %.3f, want the share ± 0.02", kind, ratio, got)
				}
			}
		}
	}
}

func TestBodiesDiffer(t *testing.T) {
	t.Parallel()
	p := pool(t, "size: 200B")
	seen := map[string]bool{}
	for i := range p.Size() {
		seen[string(p.Body(i))] = true
	}
	if len(seen) != 1000 {
		t.Errorf("%d different bodies, want 1000", len(seen))
	}
	if !bytes.Equal(p.Body(3), p.Body(1003)) || bytes.Equal(p.Body(3), p.Body(4)) {
		t.Error("record 1003 is not record 3 again, or record 4 is")
	}
	runs := 0
	for p, i := pool(t, "size: {dist: uniform, min: 100B, max: 9000B}"), 1; i < p.Size(); i++ {
		if len(p.Body(i)) >= len(p.Body(i-1)) {
			runs++
		}
	}
	if runs < 400 || runs > 600 {
		t.Errorf("%d of 1000 bodies are longer than the one before, want about half: sizes in no order", runs)
	}
}

func TestKeysAreAsFrequentAsZipfSays(t *testing.T) {
	t.Parallel()
	const records = 200_000
	for _, zipf := range []float64{0, 0.5, 1, 1.1, 2} {
		p := pool(t, fmt.Sprintf("size: 100B, keys: {n: 100, zipf: %v}", zipf))
		count := map[string]int{}
		for i := range records {
			count[p.Key(i)]++
		}
		sum := 0.0
		for k := 1; k <= 100; k++ {
			sum += math.Pow(float64(k), -zipf)
		}
		for k := 1; k <= 100; k++ {
			want := records * math.Pow(float64(k), -zipf) / sum
			if got := float64(count[fmt.Sprint("k", k)]); math.Abs(got-want) > 4.5*math.Sqrt(want)+1 {
				t.Errorf("zipf %v: key %d of 100 is on %v records, want %.0f", zipf, k, got, want)
			}
			delete(count, fmt.Sprint("k", k))
		}
		if len(count) > 0 {
			t.Errorf("zipf %v: other keys than k1 to k100: %v", zipf, count)
		}
	}
	if key := pool(t, "size: 100B").Key(5); key != "" {
		t.Errorf("key %q, want none", key)
	}
}

// A golden hash: a change of it means that a seed no longer says what it said.
func TestRecordsFollowFromTheSeed(t *testing.T) {
	t.Parallel()
	const keys = "size: {dist: lognormal, p50: 1KiB, p99: 16KiB, max: 240KiB}, keys: {n: 1000, zipf: 1.1}, kind: "
	for kind, want := range map[string]string{"json": "287afb4d7112edd0", "text": "5fc23e2af9901fa2", "binary": "518111ae90a6dbce"} {
		p := pool(t, keys+kind)
		sum := sha256.New()
		for i := range p.Size() {
			fmt.Fprintf(sum, "%s %s\n", p.Key(i), p.Body(i))
		}
		if got := hex.EncodeToString(sum.Sum(nil)[:8]); got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
	other, err := parse(t, strings.Replace(valid, "\n", "\nseed: 2\n", 1)+"records: {size: 100B}\n").Pool(nil)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(other.Body(0), pool(t, "size: 100B").Body(0)) {
		t.Error("another seed makes the same body")
	}
}

func TestTheUsersRecords(t *testing.T) {
	t.Parallel()
	samples := [][]byte{[]byte("a"), []byte("b"), []byte("c"), {}}
	w := parse(t, valid+"records: {sample: true, keys: {n: 5}}\n")
	p, err := w.Pool(samples)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		if got, want := string(p.Body(i)), string(samples[i%4]); got != want {
			t.Errorf("cycle: record %d is %q, want %q", i, got, want)
		}
		if p.Key(i) == "" {
			t.Errorf("record %d has no key, want one of 5", i)
		}
	}
	if got, want := p.String(), "4 bodies of 0B to 1B"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if _, err := w.Pool(nil); err == nil || !strings.Contains(err.Error(), "--records") {
		t.Errorf("without samples: %v, want an error that says how to give them", err)
	}
	w = parse(t, valid+"records: {draw: random, size: 1KiB}\n")
	if p, err = w.Pool(samples); err != nil {
		t.Fatal(err)
	}
	count, again := map[string]int{}, 0
	for i := range 4000 {
		count[string(p.Body(i))]++
		if bytes.Equal(p.Body(i), p.Body(i+4)) {
			again++
		}
	}
	if again < 880 || again > 1120 {
		t.Errorf("random: %d of 4000 records are the one four places later again, want about 1000", again)
	}
	for body, n := range count {
		if len(count) != 4 || n < 880 || n > 1120 { // 1000 each, standard deviation 27
			t.Errorf("random: %q is drawn %d of 4000 times, %d different; want all four about 1000 times", body, n, len(count))
		}
	}
	if first, second := p.Body(17), p.Body(17); !bytes.Equal(first, second) {
		t.Error("random: record 17 is drawn twice and differs")
	}
	if made, err := w.Pool(nil); err != nil || len(made.Body(0)) != 1024 {
		t.Errorf("without samples and without asking for them: %v, want made-up bodies of 1 KiB", err)
	}
}
