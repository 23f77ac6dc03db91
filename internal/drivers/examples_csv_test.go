package drivers_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sluice/ingest"
	"sluice/internal/fault"
)

// TestTheCSVExample reads the file that comes with it to records and dead letters, finds rows and files that are added, and
// moves what is done out of the way.
func TestTheCSVExample(t *testing.T) {
	in, done := t.TempDir(), t.TempDir()
	settings, source := openExample(t, "examples/csv/orders.env", "SLUICE_FILE_PATHS", filepath.Join(in, "*.csv"), "SLUICE_FILE_DONE_DIR", done)
	parse := settings.Naming.Parser()
	first, err := os.ReadFile("examples/csv/orders-2026-01-05.csv")
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		t.Helper()
		f, err := os.OpenFile(filepath.Join(in, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = f.WriteString(text)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var next ingest.Cursor
	// shaped reads what is there, and says what comes of each row.
	shaped := func() (got []string) {
		t.Helper()
		b, err := source.Read(t.Context(), next)
		if err != nil {
			t.Fatal(err)
		}
		next = b.Next
		for i, item := range b.Items {
			if b.Bad[i] != nil {
				got = append(got, fmt.Sprintf("%s: bad row", b.Position(i)))
				continue
			}
			records, err := parse(item)
			if err != nil {
				got = append(got, fmt.Sprintf("%s: %s", b.Position(i), fault.From(err).Code()))
				continue
			}
			for _, r := range records {
				got = append(got, r.Key+" "+string(r.Body))
			}
		}
		return got
	}
	write("orders-2026-01-05.csv", string(first))
	for _, step := range []struct {
		name, file, text string
		want             []string
	}{
		{"the file of the example", "", "", []string{
			`K-17 {"cents":1250,"customer":"K-17","order":"00041","pieces":2}`,
			`K-08 {"cents":29,"customer":"K-08","note":"gift; wrapped \"with care\"","order":"00042","pieces":1}`,
			`K-17 {"cents":199999,"customer":"K-17","note":"two lines:\nleave at the door","order":"00043","pieces":3}`,
			"orders-2026-01-05.csv, line 6: map_failed",
			"orders-2026-01-05.csv, line 7: schema_violation",
			`K-31 {"cents":800,"customer":"K-31","order":"00046","pieces":4}`,
		}},
		{"nothing new", "", "", nil},
		{"rows are added", "orders-2026-01-05.csv", "00047;K-08;1;1;\r\n00048;K-08;2.00\r\n00049;K-0", []string{
			`K-08 {"cents":100,"customer":"K-08","order":"00047","pieces":1}`, "orders-2026-01-05.csv, line 10: bad row"}},
		{"the rest of a row", "orders-2026-01-05.csv", "8;3.00;1;\r\n", []string{`K-08 {"cents":300,"customer":"K-08","order":"00049","pieces":1}`}},
		{"another file", "orders-2026-01-06.csv", "order;pieces;note;customer;amount\n00050;2;;K-31;0.05\n", []string{
			`K-31 {"cents":5,"customer":"K-31","order":"00050","pieces":2}`}},
	} {
		if step.file != "" {
			write(step.file, step.text)
		}
		if got := shaped(); !slices.Equal(got, step.want) {
			t.Errorf("%s: got\n%q\nwant\n%q", step.name, got, step.want)
		}
	}
}

// TestTheCSVExampleMovesWhatIsDone, with a shorter pause than the file names.
func TestTheCSVExampleMovesWhatIsDone(t *testing.T) {
	in, done := t.TempDir(), t.TempDir()
	_, source := openExample(t, "examples/csv/orders.env", "SLUICE_FILE_PATHS", filepath.Join(in, "*.csv"), "SLUICE_FILE_DONE_DIR", done,
		"SLUICE_FILE_DONE_AFTER", "1ns")
	data, err := os.ReadFile("examples/csv/orders-2026-01-05.csv")
	if err == nil {
		err = os.WriteFile(filepath.Join(in, "a.csv"), data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	var next ingest.Cursor
	for range 3 { // as the pipeline does: what is read is settled, and then committed
		b, err := source.Read(t.Context(), next)
		if err != nil {
			t.Fatal(err)
		}
		next = b.Next
		if err := source.(ingest.Committer).Commit(t.Context(), next); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(filepath.Join(done, "a.csv"))
	if err != nil || string(got) != string(data) {
		t.Errorf("in the folder for finished files: %d bytes, %v; want the file", len(got), err)
	}
	if left, err := os.ReadDir(in); err != nil || len(left) > 0 {
		t.Errorf("%d files are left, %v; want none", len(left), err)
	}
}
