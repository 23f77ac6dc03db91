package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/proof"
)

// A tally adds up what tests report.
type tally struct {
	numbers map[string]int
	faults  map[string]int
	rows    []heldRow
	plants  []plantResult
	fuzzed  int // targets
	inputs  int // for them
	stages  []stageTime
	strange []string // reports that cannot be read
}

// A heldRow is a row of the fault matrix and the test that holds it.
type heldRow struct {
	proof.Row
	Test string // package and name
}

type stageTime struct {
	name string
	took time.Duration
}

func newTally() *tally { return &tally{numbers: map[string]int{}, faults: map[string]int{}} }

// took notes how long a stage has taken.
func (t *tally) took(name string, d time.Duration) { t.stages = append(t.stages, stageTime{name, d}) }

// hear takes an attribute of a test.
func (t *tally) hear(e event) {
	key, ours := strings.CutPrefix(e.Key, "prove/")
	if !ours {
		return
	}
	if key == "row" {
		row := heldRow{Test: strings.TrimPrefix(e.Package, "sluice/") + "." + e.Test}
		if err := json.Unmarshal([]byte(e.Value), &row.Row); err != nil {
			t.strange = append(t.strange, row.Test+" reports a row that is none: "+e.Value)
			return
		}
		t.rows = append(t.rows, row)
		return
	}
	n, err := strconv.Atoi(e.Value)
	if err != nil {
		t.strange = append(t.strange, e.Test+" counts "+key+" as "+e.Value)
		return
	}
	if kind, is := strings.CutPrefix(key, "fault/"); is {
		t.faults[kind] += n
		return
	}
	t.numbers[key] += n
}

// doubts are the reasons why the numbers would mean nothing: something was lost, or so little happened that nothing could
// have been.
func (t *tally) doubts() []string {
	doubts := slices.Clone(t.strange)
	for _, zero := range []string{proof.Lost, proof.Altered} {
		if n := t.numbers[zero]; n != 0 {
			doubts = append(doubts, fmt.Sprintf("%d records %s", n, zero))
		}
	}
	if d, most := t.numbers[proof.Duplicates], t.numbers[proof.DuplicateBound]; d > most {
		doubts = append(doubts, fmt.Sprintf("%d duplicates, at most %d are explained", d, most))
	}
	for _, some := range []string{proof.Seeds, proof.VirtualSeconds, proof.Kills, proof.Crashes, proof.Stops, proof.Obligations,
		proof.Duplicates, proof.DeadLetters} {
		if t.numbers[some] == 0 {
			doubts = append(doubts, "no "+strings.ReplaceAll(some, "_", " ")+" were seen: the run shows nothing about them")
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(t.faults)) {
		if t.faults[kind] == 0 {
			doubts = append(doubts, "the fault "+kind+" never struck")
		}
	}
	if len(t.rows) == 0 {
		doubts = append(doubts, "no row of the fault matrix was held")
	}
	return doubts
}
