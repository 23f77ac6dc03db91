package httpapi

import (
	"fmt"
	"slices"

	"sluice/internal/fault"
)

// maxAnew is how often one sweep begins anew before a place that the API does not know any more stops reading: each time, its
// records so far come again.
const maxAnew = 3

// forgetful are the reasons for which an API may refuse a place that it has given out itself and forgotten since: most tokens do
// not live for ever, and many APIs have no better word for that than 400.
var forgetful = []string{"cursor_gone", "bad_request", "not_found", "refused"}

// beginAnew moves st to the beginning of its sweep if err is the refusal of a place within it, and reports whether it has. What
// the sweep asks for, by a value or a time window, can be asked again, so that nothing is lost.
func (s *Source) beginAnew(st *state, err error) bool {
	if !s.askedAgain(*st) || st.Anew == maxAnew || !slices.Contains(forgetful, fault.From(err).Code()) {
		return false
	}
	st.Anew++
	st.Known = st.Known.plus(st.Ties, st.Odd, st.Recent.bag(), st.Seen)
	st.Newest, st.Ties, st.Odd, st.Recent, st.Seen, st.Mixed = nil, nil, nil, nil, nil, false
	st.At, st.Pages, st.Done, st.Sum, st.Part = "", 0, 0, 0, nil
	st.Loop, st.Same, st.Twins = loop{}, loop{}, 0
	what := "the sweep begins anew (%d of %d times), and some of its records come again"
	if s.whole {
		what = "the list of parents is read anew (%d of %d times)"
	}
	s.warn(fmt.Sprintf("the API refuses the place at which it was asked to go on, so "+what+": %v", st.Anew, maxAnew, err))
	return true
}

// askedAgain reports whether st stands within a sweep, at a place that the API has named, and the sweep can be asked for again.
func (s *Source) askedAgain(st state) bool {
	return st.At != "" && !s.counted() && (s.whole || s.cfg.dated() || s.cfg.windowed())
}

// atPlace is v, the verdict on a refused request, with advice that fits the place at st.
func (s *Source) atPlace(v verdict, st state) verdict {
	switch {
	case st.At == "" || !slices.Contains(forgetful, v.reason):
	case s.counted() && s.cfg.MaxPages > 0 && st.Pages >= s.cfg.MaxPages:
		v.advice = "this page is one more than SLUICE_HTTP_MAX_PAGES, because nothing tells whether the one before was full; " +
			"set SLUICE_HTTP_TOTAL_PATH or SLUICE_HTTP_MORE_PATH to where the API says whether more follow"
	case s.counted():
	case s.askedAgain(st) && st.Anew < maxAnew:
		v.advice = ""
	case s.askedAgain(st) && s.whole:
		v.advice = "the list of parents has been begun anew so often that it has to be read faster; use larger pages (SLUICE_HTTP_LIMIT)"
	case s.askedAgain(st):
		v.advice = fmt.Sprintf("the sweep has begun anew %d times; have it end before the API forgets its places, by larger pages "+
			"(SLUICE_HTTP_LIMIT) or shorter windows (SLUICE_HTTP_WINDOW_STEP), and start over with sluice checkpoint reset", maxAnew)
	case v.reason != "cursor_gone":
		v.advice += ", or, if the API has forgotten this place, start over with sluice checkpoint reset"
	}
	return v
}
