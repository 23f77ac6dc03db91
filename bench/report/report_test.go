package report_test

import (
	"bytes"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"sluice/bench/report"
	"sluice/bench/result"
	"sluice/bench/result/resulttest"
	"sluice/bench/stats"
)

var update = flag.Bool("update", false, "rewrite the golden files and the screenshots")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		write(t, path, []byte(got))
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

var paths = report.Paths{Results: "out/results.json", HTML: "out/report.html", Trials: "out/trials.csv", Series: "out/series.csv"}

func table(t *testing.T, f *result.File) string {
	t.Helper()
	var out bytes.Buffer
	if err := report.Table(&out, f, 80, paths); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// onAWS turns the stand-ins of a run into AWS, as if the run had been made there.
func onAWS(f *result.File) *result.File {
	for i := range f.Targets {
		if f.Targets[i].Kind == result.StandIn {
			f.Targets[i].Kind = result.AWS
		}
	}
	for i := range f.Comparisons {
		f.Comparisons[i].StandIn = false
	}
	return f
}

// fits reports lines that are wider than a terminal, or end in spaces.
func fits(t *testing.T, text string) {
	t.Helper()
	for i, line := range strings.Split(text, "\n") {
		if n := utf8.RuneCountInString(line); n > 80 || strings.TrimRight(line, " ") != line {
			t.Errorf("line %d has %d columns or spaces at its end: %q", i+1, n, line)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	slower := resulttest.Fixture()
	slower.Run.ID, slower.Env.Commit = "20261123T090000Z-11aa", "9bd1"
	for i := range slower.Trials {
		for j := range slower.Trials[i].Phases {
			if v := slower.Trials[i].Phases[j].Latency.Accept.P99; v != nil {
				*v *= 1.2
			}
		}
	}
	otherwise := resulttest.Fixture()
	otherwise.Targets[1].Linger = 50
	var compared, forced, gate bytes.Buffer
	if err := report.Comparison(&compared, resulttest.Fixture(), slower, 80, false); err != nil {
		t.Fatal(err)
	}
	if err := report.Comparison(&forced, resulttest.Fixture(), otherwise, 80, true); err != nil {
		t.Fatal(err)
	}
	g, err := result.Gate(slower, resulttest.Fixture(), []string{"lost > 0", "accept.p99 ratio > 1.10", "rabbitmq.invalid_trials > 0"}, result.GateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Gate(&gate, g, 80); err != nil {
		t.Fatal(err)
	}
	lines := report.LineHeader() + "\n"
	f := resulttest.Fixture()
	for i := range 17 {
		lines += report.Line(f, &f.Trials[i], 0.0021*float64(i)) + "\n"
	}
	for name, text := range map[string]string{"table": table(t, resulttest.Fixture()), "table-aws": table(t, onAWS(resulttest.Fixture())),
		"compare": compared.String(), "compare-forced": forced.String(), "gate": gate.String(), "lines": lines} {
		t.Run(name, func(t *testing.T) {
			fits(t, text)
			golden(t, name, text)
		})
	}
}

func TestStandInNeverYieldsAVerdictAboutAWS(t *testing.T) {
	t.Parallel()
	f := resulttest.Fixture()
	text := table(t, f)
	if first, _, _ := strings.Cut(text, "\n"); !strings.Contains(first, "STAND-IN") {
		t.Errorf("the first line is %q, want it to name the stand-in", first)
	}
	none := 0
	for _, line := range strings.Split(text, "\n") {
		if !strings.Contains(line, "[") || strings.Contains(line, "95 % CI") {
			continue
		}
		if strings.Contains(line, "none: stand-in") {
			none++
		} else if !strings.HasPrefix(line, "CPU per record") {
			t.Errorf("a verdict about a stand-in: %q", line)
		}
	}
	if none != 5 {
		t.Errorf("%d comparisons without a verdict, want the four latencies and the throughput", none)
	}
	page := html(t, f)
	if n := strings.Count(page, "ended in the stand-in: not AWS"); n < 3 {
		t.Errorf("%d sections say that it was the stand-in, want verdict, latency, load and pairs", n)
	}
	if !strings.Contains(page, "no verdict about the latency or throughput of AWS") {
		t.Error("the top of the page does not say that there is no verdict about AWS")
	}
	if page := html(t, onAWS(f)); strings.Contains(page, "ended in the stand-in") || strings.Contains(page, "no verdict about") || strings.Contains(page, "none: stand-in") {
		t.Error("a run on AWS mentions a stand-in that took no part")
	}
}

// Where nothing is read back, nobody knows what was lost: the line must say no more than the table does.
func TestLinesCountLossesOnlyWhereSomebodyLooks(t *testing.T) {
	t.Parallel()
	f := resulttest.Fixture()
	for i := range f.Trials {
		f.Trials[i].Audit.Lost, f.Trials[i].Audit.Duplicates.Total = 71, 93
		transport := f.Trials[i].Transport
		fields := strings.Fields(strings.Split(report.Line(f, &f.Trials[i], 1), "\n")[0])
		want := []string{"71", "93", "$1.00"}
		if transport == "apigateway" { // its replies count as the end
			want = []string{"–", "–", "$1.00"}
		}
		if got := fields[len(fields)-3:]; !slices.Equal(got, want) {
			t.Errorf("%s: losses, duplicates and cost are %q, want %q", transport, got, want)
		}
	}
}

func TestLinesFitWhateverTheyHold(t *testing.T) {
	t.Parallel()
	f := resulttest.Fixture()
	huge := f.Trials[0]
	huge.Transport, huge.Audit.Lost, huge.Audit.Duplicates.Total = strings.Repeat("ü", 40), 1<<40, 1<<40
	huge.Errors = map[string]int{"x": 1 << 40}
	huge.Valid, huge.Because = false, []string{strings.Repeat("long ", 60), strings.Repeat("w", 200), "\x1b[31mred"}
	for name, trial := range map[string]result.Trial{"huge": huge, "empty": {}, "usual": f.Trials[1]} {
		text := report.Line(f, &trial, 1e9)
		fits(t, text)
		if strings.ContainsRune(text, '\x1b') {
			t.Errorf("%s: the line steers the terminal: %q", name, text)
		}
	}
	f.Warnings = []string{"\x1b[2J" + strings.Repeat("y", 300)}
	f.Run.ID, f.Run.Command = strings.Repeat("z", 200), "sluice-bench run"+strings.Repeat(" --transports  sqs", 20)
	text := table(t, f)
	fits(t, text)
	if strings.ContainsRune(text, '\x1b') {
		t.Error("the table steers the terminal")
	}
}

// A small ratio has more digits than the column is wide for; its interval must keep both ends.
func TestIntervalsOfSmallRatiosAreWhole(t *testing.T) {
	t.Parallel()
	f := resulttest.Fixture()
	for i := range f.Comparisons {
		f.Comparisons[i].Ratio, f.Comparisons[i].CI95 = 0.04151, stats.Interval{Low: 0.04129, High: 0.04163}
	}
	text := table(t, f)
	fits(t, text)
	if !strings.Contains(text, " 0.0415 [0.0413,0.0416]  ") {
		t.Errorf("the table does not hold the ratio and its interval whole:\n%s", text)
	}
}

// A command is there to be copied: whatever its length, what the terminal shows must be one command to a shell.
func TestCommandsCanBeCopied(t *testing.T) {
	t.Parallel()
	f := resulttest.Fixture()
	f.Run.Command = "printf %s\\n --one 'it'\\''s  --two " + strings.Repeat("in one word ", 12) + "' /" + strings.Repeat("long", 30) + " --three"
	_, shown, found := strings.Cut(table(t, f), "again ")
	if !found {
		t.Fatal("the table names no command")
	}
	want, errWant := exec.Command("sh", "-c", f.Run.Command).Output()
	got, err := exec.Command("sh", "-c", shown).Output()
	if err != nil || errWant != nil || !bytes.Equal(got, want) || strings.Count(shown, "\n") < 3 {
		t.Errorf("%v, %v: a shell reads\n%s\nwant\n%s\nfrom\n%s", errWant, err, got, want, shown)
	}
}

// mangle sets about one in n of the values below v to nothing, or to something odd, in an order that follows from the seed.
func mangle(v reflect.Value, next func() uint64, n uint64) {
	odd := next()%n == 0
	switch v.Kind() {
	case reflect.Pointer:
		if odd {
			v.SetZero()
		} else if !v.IsNil() {
			mangle(v.Elem(), next, n)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() && v.Type().Field(i).Name != "HDR" {
				mangle(v.Field(i), next, n)
			}
		}
	case reflect.Slice:
		if odd {
			v.SetZero()
			return
		}
		for i := range v.Len() {
			mangle(v.Index(i), next, n)
		}
	case reflect.Map:
		if odd {
			v.SetZero()
		}
	case reflect.Float64:
		if odd {
			v.SetFloat([]float64{0, -1, 1e300, 1e-300}[next()%4])
		}
	case reflect.Int, reflect.Int64:
		if odd {
			v.SetInt([]int64{0, -7, 1 << 62}[next()%3])
		}
	case reflect.String:
		if odd {
			v.SetString("")
		}
	case reflect.Bool:
		if odd {
			v.SetBool(!v.Bool())
		}
	}
}

// TestOddFilesAreShownToo renders files that no run writes: a report must not fall over what somebody has edited.
func TestOddFilesAreShownToo(t *testing.T) {
	t.Parallel()
	files := []*result.File{{}, {Schema: result.Schema, Trials: make([]result.Trial, 3)}, {Comparisons: make([]result.Comparison, 2)}, {Searches: make([]result.Search, 2)}}
	state := uint64(1)
	next := func() uint64 { // a linear congruential generator is random enough here
		state = state*6364136223846793005 + 1442695040888963407
		return state >> 33
	}
	for i := range 30 {
		f := resulttest.Fixture()
		mangle(reflect.ValueOf(f).Elem(), next, []uint64{5, 50, 500}[i%3])
		files = append(files, f)
	}
	for i, f := range files {
		for name, write := range map[string]func(io.Writer, *result.File) error{
			"page": report.HTML, "trials": report.TrialsCSV, "series": report.SeriesCSV,
			"table": func(w io.Writer, f *result.File) error { return report.Table(w, f, 80, paths) },
			"comparison": func(w io.Writer, f *result.File) error {
				return report.Comparison(w, resulttest.Fixture(), f, 80, true)
			},
		} {
			var out bytes.Buffer
			if err := write(&out, f); err != nil {
				t.Errorf("file %d, %s: %v", i, name, err)
			}
			if text := out.String(); strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
				at := strings.Index(text, "NaN")
				if at < 0 {
					at = strings.Index(text, "Inf")
				}
				t.Errorf("file %d, %s: not a number in …%s…", i, name, text[max(0, at-80):min(len(text), at+20)])
			}
		}
	}
}
