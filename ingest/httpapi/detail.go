package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/tidwall/gjson"

	"sluice/ingest"
	"sluice/internal/fault"
)

// maxDetails bounds the details that one Read asks for, and so what is asked for again after a failure.
const maxDetails = 100

// detailSource is what asks for details: as s does, but one answer to a GET.
func (s *Source) detailSource() *Source {
	if s.cfg.DetailURL == "" {
		return nil
	}
	d := *s
	d.cfg.Method, d.cfg.Body, d.body, d.cfg.Pagination = http.MethodGet, "", nil, paginationNone
	return &d
}

// withDetails puts the details into a batch of the page at st. It asks for as many as one
// Read may, and reports whether these are all; what is left is read by the next one, which finds in Part what has been
// returned of the page.
//
// A failure ends the batch before the record it is about, so that what was asked for before it is not lost. A record that
// the origin no longer knows goes to the dead letters, as it stands in the list.
func (s *Source) withDetails(ctx context.Context, st *state, b *ingest.Batch) (all bool, err error) {
	done, place := st.Part.plus(), b.Position
	var out ingest.Batch
	var places []int
	part, size := st.Part.plus(), 0
	all = true
	for i, item := range b.Items {
		hash := hashOf(item)
		if done.take(hash) {
			continue
		}
		if len(out.Items) >= maxDetails || size >= s.cfg.MaxPageBytes {
			all = false
			break
		}
		whole, err := s.joined(ctx, item)
		if ctx.Err() != nil {
			return false, err
		}
		_, bad := errors.AsType[damaged](err)
		if err != nil && !bad {
			if len(out.Items) == 0 {
				return false, placed(err, place(i)+", its detail")
			}
			all = false
			break
		}
		if bad {
			if out.Bad == nil {
				out.Bad = map[int]error{}
			}
			out.Bad[len(out.Items)], whole = err, item
		}
		out.Items, places = append(out.Items, whole), append(places, i)
		part[hash]++
		size += len(whole)
	}
	out.Position = func(i int) string { return place(places[i]) }
	*b = out
	if !all {
		st.Part = part
	}
	return all, nil
}

// joined is an item with its detail. A damaged error is a fault of the item.
func (s *Source) joined(ctx context.Context, item []byte) ([]byte, error) {
	path, err := parseBraces(s.cfg.DetailURL).fill(item)
	if err != nil {
		return nil, damaged{err}
	}
	target, err := url.Parse(origin(s.base) + path)
	if err != nil {
		return nil, damaged{errors.New("no address can be made of what it holds")}
	}
	ans, err := s.detail.get(ctx, target)
	if f, ok := errors.AsType[*fault.Error](err); ok && (f.Reason == "not_found" || f.Reason == "gone") {
		return nil, damaged{fmt.Errorf("the origin has it in the list and knows no detail of it: %w", f.Err)}
	}
	if err != nil {
		return nil, err
	}
	switch err = nil; {
	case len(ans.bodies) > 1 || !json.Valid(ans.body):
		err = s.badPage(ans)
	default:
		err = s.refusedInside(ans)
	}
	if s.detail.judge(err) != nil {
		return nil, err
	}
	detail := bytes.TrimSpace(ans.body)
	if s.cfg.DetailPath != "" {
		v := gjson.GetBytes(ans.body, s.cfg.DetailPath)
		if detail = []byte(v.Raw); !v.Exists() {
			return nil, s.fail(fault.Blocked, "no_records", ans.url, fmt.Errorf(
				"there is nothing at SLUICE_HTTP_DETAIL_PATH (%s) in the detail; %s", s.cfg.DetailPath, s.shape(ans.body)))
		}
	}
	if s.cfg.DetailInto == "" {
		return slices.Clone(detail), nil
	}
	return into(item, s.cfg.DetailInto, detail)
}

// into puts a field into an object, in the place of one of that name if there is one. The bytes of all others stay.
func into(object []byte, name string, field []byte) ([]byte, error) {
	v := gjson.ParseBytes(object)
	if !v.IsObject() {
		return nil, damaged{errors.New("it is no object that a detail could be put into")}
	}
	out := []byte("{")
	v.ForEach(func(key, value gjson.Result) bool {
		if key.String() != name {
			out = append(append(append(append(out, key.Raw...), ':'), value.Raw...), ',')
		}
		return true
	})
	out = append(append(append(out, quoteJSON(name)...), ':'), field...)
	return append(out, '}'), nil
}

// placed puts the place of what it is about into an error.
func placed(err error, place string) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		with := *f
		with.Err = fmt.Errorf("%s: %w", place, f.Err)
		return &with
	}
	return err
}
