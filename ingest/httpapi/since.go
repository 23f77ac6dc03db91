package httpapi

import (
	"encoding/json"
	"math/big"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// keyLayout writes times so that their texts compare like the times.
const keyLayout = "2006-01-02T15:04:05.000000000Z"

// maxValue bounds the text of a since value, which becomes part of a URL and of the cursor.
const maxValue = 1024

// A mark is a value of SincePath, as exact as the parameter can say it.
type mark struct {
	Key  string `json:"k"` // for comparing
	Text string `json:"t"` // for the parameter
}

// A sinceReader reads, compares and writes since values.
type sinceReader struct {
	path, kind, format string
	lookback           time.Duration // how much before the newest value the next sweep asks from
}

// read returns the value in a record, and false if there is none that can be used.
func (r sinceReader) read(item []byte) (mark, bool) {
	v := gjson.GetBytes(item, r.path)
	if v.Type != gjson.String && v.Type != gjson.Number {
		return mark{}, false
	}
	text := v.String()
	if v.Type == gjson.Number {
		text = v.Raw // String would go through float64
	}
	if text == "" || len(text) > maxValue || !utf8.ValidString(text) {
		return mark{}, false
	}
	switch r.kind {
	case sinceText:
		return mark{text, text}, true
	case sinceNumber:
		_, ok := number(text)
		return mark{text, text}, ok
	}
	at, ok := r.moment(text)
	if !ok {
		return mark{}, false
	}
	return r.write(at, text), true
}

// write cuts at to what the format can say, so that every value that the parameter cannot tell apart is a tie.
func (r sinceReader) write(at time.Time, same string) mark {
	cut := func(d time.Duration) time.Time { // towards the past, also before 1970
		return at.Add(-time.Duration((at.UnixNano()%int64(d) + int64(d)) % int64(d)))
	}
	switch r.format {
	case sinceUnix:
		at = cut(time.Second)
		same = big.NewInt(at.Unix()).String()
	case sinceUnixMs:
		at = cut(time.Millisecond)
		same = big.NewInt(at.UnixMilli()).String()
	case sinceRFC3339:
		at = cut(time.Second)
		same = at.Format(time.RFC3339)
	}
	return mark{at.Format(keyLayout), same}
}

// moment reads a time. Outside the years that UnixNano can hold there is none.
func (r sinceReader) moment(text string) (time.Time, bool) {
	var at time.Time
	switch r.kind {
	case sinceRFC3339:
		var ok bool
		if at, ok = isoTime(text); !ok {
			return at, false
		}
	default:
		n, ok := number(text)
		if !ok {
			return at, false
		}
		perUnit := int64(time.Second)
		if r.kind == sinceUnixMs {
			perUnit = int64(time.Millisecond)
		}
		n.Mul(n, new(big.Rat).SetInt64(perUnit))
		ns := new(big.Int).Div(n.Num(), n.Denom()) // the denominator is positive: towards the past
		if !ns.IsInt64() {
			return at, false
		}
		at = time.Unix(0, ns.Int64())
	}
	at = at.UTC()
	return at, at.Year() >= 1678 && at.Year() <= 2261
}

// isoTime reads RFC 3339 and what is often written in its place: a space for the T, no zone (UTC), no seconds, a date.
func isoTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", time.DateOnly} {
		for _, l := range []string{layout, strings.Replace(layout, "T", " ", 1)} {
			if at, err := time.Parse(l, text); err == nil {
				return at, true
			}
		}
	}
	return time.Time{}, false
}

// number reads a JSON number of up to 64 characters, exactly; a huge exponent is not worth its memory.
func number(text string) (*big.Rat, bool) {
	if len(text) > 64 || text == "" || (text[0] != '-' && (text[0] < '0' || text[0] > '9')) || !json.Valid([]byte(text)) {
		return nil, false
	}
	if i := strings.IndexAny(text, "eE"); i >= 0 && len(strings.TrimLeft(text[i+1:], "+-0")) > 2 {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// compare is negative if a is older than b.
func (r sinceReader) compare(a, b *mark) int {
	if r.kind == sinceNumber {
		x, _ := number(a.Key)
		y, _ := number(b.Key)
		return x.Cmp(y)
	}
	return strings.Compare(a.Key, b.Key)
}

// holds reports whether m is nil or a mark that read can have made.
func (r sinceReader) holds(m *mark) bool {
	switch {
	case m == nil:
		return true
	case len(m.Text) > maxValue || len(m.Key) > maxValue || m.Text == "":
		return false
	case r.kind == sinceText:
		return m.Key == m.Text
	case r.kind == sinceNumber:
		_, ok := number(m.Key)
		return ok && m.Key == m.Text
	}
	_, err := time.Parse(keyLayout, m.Key)
	return err == nil
}

// sift records in st what the items of a page mean for the next sweep, and returns the places of those that are new.
func (r sinceReader) sift(st *state, items [][]byte, hashes []uint64) (fresh []int) {
	if r.lookback > 0 {
		return r.siftRecent(st, items, hashes)
	}
	st.Known, st.Ties, st.Odd = st.Known.plus(), st.Ties.plus(), st.Odd.plus()
	for i, item := range items {
		v, dated := r.read(item)
		newest := st.Newest
		if newest == nil {
			newest = st.Since
		}
		switch {
		case !dated, st.Since != nil && r.compare(&v, st.Since) < 0:
			st.Odd[hashes[i]]++ // asked for again, it will come again
		case newest == nil || r.compare(&v, newest) > 0:
			st.Newest, st.Ties = &v, bag{hashes[i]: 1}
		case r.compare(&v, newest) == 0:
			st.Ties[hashes[i]]++
		}
		if !st.Known.take(hashes[i]) {
			fresh = append(fresh, i)
		}
	}
	return fresh
}

// turn makes the start of the next sweep out of the end of this one.
func (r sinceReader) turn(st *state) {
	known := st.Ties.plus(st.Odd, st.Recent.bag())
	switch {
	case st.Newest == nil:
		known = known.plus(st.Known) // not seen this time, but it may be back
	case r.lookback > 0:
		st.Since = r.asked(st.Newest, st.Since)
	default:
		st.Since = st.Newest
	}
	st.Known, st.Newest, st.Ties, st.Odd, st.Recent = known, nil, nil, nil, nil
}
