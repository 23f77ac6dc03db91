package audit

import (
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// An Identity is what an ID says.
type Identity struct {
	Run   string
	Trial int
	Seq   int    // number of the record in its trial, from 0
	CRC   uint32 // CRC-32C of the body as it was sent
}

const (
	maxRun    = 26      // characters of a run's name: a ULID fits
	maxNumber = 1 << 40 // trials and sequence numbers are below; 8 digits
	base      = 36
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Checksum is the CRC-32C of a body.
func Checksum(body []byte) uint32 { return crc32.Checksum(body, castagnoli) }

// CheckRun says whether a run may have this name: 1 to 26 ASCII letters, digits and "-".
func CheckRun(run string) error {
	if run == "" || len(run) > maxRun {
		return fmt.Errorf("the run's name %q has %d characters, want 1 to %d", run, len(run), maxRun)
	}
	for _, c := range []byte(run) {
		if !isLetter(c) && !isDigit(c) && c != '-' {
			return fmt.Errorf("the run's name %q has %q in it, want ASCII letters, digits and -", run, c)
		}
	}
	return nil
}

// ID names a record: at most 53 ASCII letters, digits and "-", so that it can be a record's ID, a deduplication id of SQS,
// a header of HTTP and a message id of NATS. It panics if the run is not as CheckRun wants it, or if a number is negative
// or 2^40 or more.
func ID(run string, trial, seq int, body []byte) string {
	if err := CheckRun(run); err != nil {
		panic("audit: " + err.Error())
	}
	if trial < 0 || trial >= maxNumber || seq < 0 || seq >= maxNumber {
		panic(fmt.Sprintf("audit: trial %d, record %d: out of range", trial, seq))
	}
	return Identity{run, trial, seq, Checksum(body)}.String()
}

// String is the ID.
func (i Identity) String() string {
	b := make([]byte, 0, 64)
	b = append(append(b, i.Run...), '-')
	b = append(strconv.AppendInt(b, int64(i.Trial), base), '-')
	b = append(strconv.AppendInt(b, int64(i.Seq), base), '-')
	const hex = "0123456789abcdef"
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, hex[i.CRC>>shift&15])
	}
	return string(b)
}

// ParseID reads what ID has written and fails on everything else.
func ParseID(id string) (Identity, error) {
	i, ok := parse(id)
	if !ok {
		return Identity{}, fmt.Errorf("%q is no ID of a record of a benchmark", id[:min(len(id), 64)])
	}
	return i, nil
}

func parse(id string) (Identity, bool) {
	rest, sum, _ := cutLast(id)
	rest, seq, _ := cutLast(rest)
	run, trial, found := cutLast(rest)
	if !found || CheckRun(run) != nil || len(sum) != 8 {
		return Identity{}, false
	}
	crc, crcOK := canonical(sum, 16, 1<<32)
	s, seqOK := canonical(seq, base, maxNumber)
	t, trialOK := canonical(trial, base, maxNumber)
	return Identity{Run: run, Trial: int(t), Seq: int(s), CRC: uint32(crc)}, crcOK && seqOK && trialOK
}

func cutLast(s string) (before, after string, found bool) {
	i := strings.LastIndexByte(s, '-')
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+1:], true
}

// canonical reads digits in the one way in which ID writes them: lower case; no sign; and, but for checksums, which have
// a fixed length, no leading zeros.
func canonical(digits string, base, limit uint64) (uint64, bool) {
	if digits == "" || len(digits) > 8 || base == 36 && len(digits) > 1 && digits[0] == '0' {
		return 0, false
	}
	var x uint64
	for _, c := range []byte(digits) {
		var d uint64
		switch {
		case isDigit(c):
			d = uint64(c - '0')
		case c >= 'a' && c <= 'z':
			d = uint64(c-'a') + 10
		default:
			return 0, false
		}
		if d >= base {
			return 0, false
		}
		x = x*base + d
	}
	return x, x < limit
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
