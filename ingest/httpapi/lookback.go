package httpapi

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"time"
)

// A recent is an item whose value the next sweep asks for again.
type recent struct {
	at   int64 // in Unix nanoseconds, cut to what the parameter can say
	hash uint64
}

// recents are in order.
type recents []recent

// MarshalText writes 16 bytes for each, in base64.
func (rs recents) MarshalText() ([]byte, error) {
	var raw []byte
	for _, r := range rs {
		raw = binary.BigEndian.AppendUint64(raw, uint64(r.at))
		raw = binary.BigEndian.AppendUint64(raw, r.hash)
	}
	return base64.RawStdEncoding.AppendEncode(nil, raw), nil
}

// UnmarshalText reads what MarshalText wrote.
func (rs *recents) UnmarshalText(text []byte) error {
	raw, err := base64.RawStdEncoding.Strict().DecodeString(string(text))
	if err != nil || len(raw)%16 != 0 || len(raw) > 16*maxKnown {
		return errors.New("it holds a list of recent records that is damaged")
	}
	*rs = nil
	for ; len(raw) > 0; raw = raw[16:] {
		*rs = append(*rs, recent{int64(binary.BigEndian.Uint64(raw)), binary.BigEndian.Uint64(raw[8:])})
	}
	return nil
}

// bag is the hashes of rs.
func (rs recents) bag() bag {
	b := bag{}
	for _, r := range rs {
		b[r.hash]++
	}
	return b
}

// order compares two recents.
func (r recent) order(o recent) int {
	switch {
	case r.at != o.at:
		if r.at < o.at {
			return -1
		}
		return 1
	case r.hash < o.hash:
		return -1
	case r.hash > o.hash:
		return 1
	}
	return 0
}

// instant is the time of a mark that read has made.
func (m mark) instant() time.Time {
	at, _ := time.Parse(keyLayout, m.Key) // holds has seen that it is one
	return at
}

// asked is the bound that the next sweep asks for if newest is the newest value: so much earlier, and never earlier than
// the one before.
func (r sinceReader) asked(newest, before *mark) *mark {
	at := newest.instant().Add(-r.lookback)
	m := r.write(at, at.Format(time.RFC3339Nano))
	if r.format == sinceSame {
		switch r.kind {
		case sinceUnix:
			m = sinceReader{format: sinceUnix}.write(at, "")
		case sinceUnixMs:
			m = sinceReader{format: sinceUnixMs}.write(at, "")
		}
	}
	if before != nil && r.compare(&m, before) < 0 {
		return before
	}
	return &m
}

// siftRecent is sift with a look-back: every item that the next sweep asks for again is remembered with its value, and
// forgotten when newer ones have moved the bound beyond it.
func (r sinceReader) siftRecent(st *state, items [][]byte, hashes []uint64) (fresh []int) {
	st.Known, st.Odd = st.Known.plus(), st.Odd.plus()
	all := slices.Clone(st.Recent)
	for i, item := range items {
		v, dated := r.read(item)
		switch {
		case !dated, st.Since != nil && r.compare(&v, st.Since) < 0:
			st.Odd[hashes[i]]++
		default:
			all = append(all, recent{v.instant().UnixNano(), hashes[i]})
			if st.Newest == nil || r.compare(&v, st.Newest) > 0 {
				st.Newest = &v
			}
		}
		if !st.Known.take(hashes[i]) {
			fresh = append(fresh, i)
		}
	}
	if st.Newest != nil {
		bound := r.asked(st.Newest, st.Since).instant().UnixNano()
		all = slices.DeleteFunc(all, func(x recent) bool { return x.at < bound })
	}
	slices.SortFunc(all, recent.order)
	st.Recent = all
	return fresh
}
