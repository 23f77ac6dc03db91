package ingest

import (
	"context"
	"errors"

	"sluice/internal/jq"
)

// What a map may make of one item. It bounds what is in memory, and stops a program that has no end before its time is over.
const (
	maxOutputs     = 10_000
	maxOutputBytes = 64 << 20 // of all outputs together
)

// A draft is a record without a name.
type draft struct {
	body  []byte
	value any // body as programs take it, if a program needs it
}

// errSlow is why the programs on an item are stopped.
var errSlow = errors.New("the time for one record is over (SLUICE_MAP_TIMEOUT)")

// passes asks the filter.
func (s *shaper) passes(ctx context.Context, value any) (bool, error) {
	out, found, err := s.filter.First(ctx, value)
	switch {
	case errors.Is(err, errSlow):
		return false, rejected("filter_timeout", StageFilter, "%w", err)
	case err != nil:
		return false, rejected("filter_failed", StageFilter, "%w", err)
	}
	return found && jq.True(out), nil
}

// mapped returns what the map makes of an item.
func (s *shaper) mapped(ctx context.Context, item []byte, value any) ([]draft, error) {
	if err := jq.Altered(item); err != nil {
		return nil, rejected("not_unicode", StageMap, "the record cannot be mapped without altering it: %w", err)
	}
	var drafts []draft
	total := 0
	err := s.shape.Each(ctx, value, func(out any) error {
		if len(drafts) == maxOutputs {
			return rejected("map_too_large", StageMap, "the map makes more than %d records of one", maxOutputs)
		}
		body, err := jq.Encode(out, maxDepth)
		if err != nil {
			return err
		}
		if s.MaxBytes > 0 && len(body) > s.MaxBytes {
			return rejected("map_too_large", StageMap, "the map makes a record of %d bytes, at most %d are allowed", len(body), s.MaxBytes)
		}
		if total += len(body); total > maxOutputBytes {
			return rejected("map_too_large", StageMap, "the map makes more than %d bytes of one record", maxOutputBytes)
		}
		drafts = append(drafts, draft{body, out})
		return nil
	})
	switch {
	case err == nil:
		return drafts, nil
	case errors.Is(err, errSlow):
		return nil, rejected("map_timeout", StageMap, "%w", err)
	case stageOf(err) == StageMap:
		return nil, err
	}
	return nil, rejected("map_failed", StageMap, "%w", err)
}
