package report_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/bench/report"
	"sluice/bench/result/resulttest"
)

func rows(t *testing.T, data []byte) []map[string]string {
	t.Helper()
	all, err := csv.NewReader(bytes.NewReader(data)).ReadAll() // rows of unequal length are an error
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, row := range all[1:] {
		named := map[string]string{}
		for i, name := range all[0] {
			named[name] = row[i]
		}
		if len(named) != len(all[0]) {
			t.Fatal("two columns have the same name")
		}
		out = append(out, named)
	}
	return out
}

func TestTrialsCSV(t *testing.T) {
	t.Parallel()
	f := resulttest.Fixture()
	f.Trials[0].Because, f.Trials[0].Valid = []string{"=1+1", `a "quoted", one`}, false
	var out bytes.Buffer
	if err := report.TrialsCSV(&out, f); err != nil {
		t.Fatal(err)
	}
	all := rows(t, out.Bytes())
	i := 0
	for _, trial := range f.Trials {
		for _, p := range trial.Phases {
			row := all[i]
			i++
			p99 := ""
			if v := p.Latency.Accept.P99; v != nil {
				p99 = fmt.Sprint(*v)
			}
			for column, want := range map[string]string{"pair": fmt.Sprint(trial.Pair), "transport": trial.Transport, "phase": p.Name, "accept_p99": p99,
				"valid": fmt.Sprint(trial.Valid), "concurrency": fmt.Sprint(p.Concurrency), "offered": fmt.Sprint(p.Offered), "lost": fmt.Sprint(trial.Audit.Lost),
				"target": f.Target(trial.Transport).Kind, "cpu_us_per_record": fmt.Sprint(trial.Client.CPUMicros), "new_connections": fmt.Sprint(trial.Client.Connections)} {
				if row[column] != want {
					t.Errorf("row %d, %s: got %q, want %q", i, column, row[column], want)
				}
			}
		}
	}
	if i != len(all) {
		t.Errorf("%d rows, want one for each of %d phases", len(all), i)
	}
	if got := all[0]["invalid_because"]; got != `'=1+1; a "quoted", one` {
		t.Errorf("the reason is %q; a spreadsheet must not take it for a formula", got)
	}
	header, _, _ := strings.Cut(out.String(), "\n")
	golden(t, "trials-header", strings.ReplaceAll(header, ",", "\n")+"\n")
}

func TestSeriesCSV(t *testing.T) {
	t.Parallel()
	f := resulttest.Fixture()
	var out bytes.Buffer
	if err := report.SeriesCSV(&out, f); err != nil {
		t.Fatal(err)
	}
	all := rows(t, out.Bytes())
	want := 0
	for _, trial := range f.Trials {
		for _, p := range trial.Phases {
			want += len(p.Series)
		}
	}
	if len(all) != want {
		t.Errorf("%d rows, want one for each of %d seconds", len(all), want)
	}
	at := slices.IndexFunc(all, func(row map[string]string) bool { return row["phase"] == "burst" && row["second"] == "3" })
	s := f.Trials[0].Phases[1].Series[3]
	if at < 0 || all[at]["processed_p99"] != fmt.Sprint(s.DoneP99) || all[at]["trial_second"] != "13.5" || all[at]["offered"] != fmt.Sprint(s.Offered) {
		t.Errorf("got %v, want the numbers of %+v", all[max(at, 0)], s)
	}
}
