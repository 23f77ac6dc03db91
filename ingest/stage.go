package ingest

import (
	"fmt"
	"slices"

	"sluice/internal/fault"
)

// A Stage is how far an item came before it was refused.
type Stage string

// The stages, in their order.
const (
	StageRead     Stage = "read"     // the source could not make a whole item of what it read
	StageDecode   Stage = "decode"   // it is no JSON that can be taken
	StageFilter   Stage = "filter"   // the filter failed on it
	StageMap      Stage = "map"      // the map failed on it, or made something of it that cannot be sent
	StageValidate Stage = "validate" // it does not satisfy the schema
	StageName     Stage = "name"     // what names it is not in it
	StageDeliver  Stage = "deliver"  // the destination refuses it
)

var stages = []Stage{StageRead, StageDecode, StageFilter, StageMap, StageValidate, StageName, StageDeliver}

// refuse is the verdict of a stage on an item.
func rejected(reason string, stage Stage, format string, args ...any) error {
	return &fault.Error{Class: fault.Rejected, Reason: reason, Op: string(stage), Err: fmt.Errorf(format, args...)}
}

// Unparsable is the verdict on an item that a Parser has refused: its own, if it gives one, else "unparsable".
func Unparsable(err error) error {
	if f := fault.From(err); f.Class == fault.Rejected && f.Reason != "" {
		return err
	}
	return rejected("unparsable", StageDecode, "%w", err)
}

// misread is the verdict on an item that its source says is none.
func misread(err error) error {
	if f := fault.From(err); f.Class == fault.Rejected && f.Reason != "" {
		return err
	}
	return rejected("bad_item", StageRead, "%w", err)
}

// stageOf says which stage of parsing has given a verdict.
func stageOf(err error) Stage {
	if s := Stage(fault.From(err).Op); slices.Contains(stages, s) {
		return s
	}
	return StageDecode
}
