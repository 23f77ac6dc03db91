package httpapi

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/ingest"
	"sluice/internal/fault"
)

// pageName says which page is at st: by its number where it has one, and else by how many came before it in this sweep.
func (s *Source) pageName(st state) string {
	var name string
	switch {
	case s.cfg.Pagination == paginationPage:
		name = "page " + s.number(st, 0)
	case s.cfg.Pagination == paginationOffset:
		name = "the page at offset " + s.number(st, 0)
	default:
		name = fmt.Sprintf("page %d", st.Pages+1)
	}
	if s.parent != "" {
		name += " of " + s.parent
	}
	if st.Window != nil {
		name += " of the window from " + time.UnixMilli(st.Window.From).UTC().Format(time.RFC3339)
	}
	return name
}

// aboutPages are the reasons that say what is wrong with what a page holds.
var aboutPages = []string{"bad_page", "error_in_page", "no_records", "page_bomb", "page_too_large", "truncated"}

// onPage puts the name of the page into an error about what it holds.
func (s *Source) onPage(st state, err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok && slices.Contains(aboutPages, f.Reason) && (s.cfg.Pagination != paginationNone || s.parent != "") {
		return placed(err, s.pageName(st))
	}
	return err
}

// inFile puts the number of a file in a zip file into an error about it.
func inFile(err error, n int) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		f.Err = fmt.Errorf("file %d of the zip file: %w", n, f.Err)
	}
	return err
}

// batch is the records of a page at st that are new, each with its place.
func (s *Source) batch(st state, p page, fresh []int) (b ingest.Batch) {
	for at, i := range fresh {
		b.Items = append(b.Items, p.items[i])
		if err := p.bad[i]; err != nil {
			if b.Bad == nil {
				b.Bad = map[int]error{}
			}
			b.Bad[at] = err
		}
	}
	name, places := s.pageName(st), page{lines: p.lines, files: p.files, first: p.first} // without the items, which are not kept longer than needed
	b.Position = func(at int) string { return strings.TrimPrefix(name, "the page at ") + ", " + places.place(fresh[at]) }
	return b
}

// place is where the record i stands in the page.
func (p page) place(i int) string {
	file := ""
	if p.files != nil {
		file = fmt.Sprintf("file %d, ", p.files[i])
	}
	if p.lines != nil {
		return fmt.Sprintf("%sline %d", file, p.lines[i])
	}
	n := p.first + i + 1
	if p.files != nil {
		for n = 1; n <= i && p.files[i-n] == p.files[i]; n++ { // records of the same file before it
		}
	}
	return fmt.Sprintf("%srecord %d", file, n)
}
