package bench

import "bytes"

// An Audit says what became of every record that was sent.
type Audit struct {
	Sent       int // distinct records that were to arrive
	Arrived    int // of them, at least once
	Lost       int // of them, never
	Duplicates int // copies beyond the first
	Altered    int // copies whose bytes differ from what was sent
	Ghosts     int // bodies that nobody sent
}

// Compare audits got against want. name tells which record a body is; it must still do so if the body was altered.
func Compare(want, got [][]byte, name func(body []byte) string) Audit {
	bodies := make(map[string][]byte, len(want))
	for _, body := range want {
		bodies[name(body)] = body
	}
	a := Audit{Sent: len(bodies)}
	copies := make(map[string]int, len(bodies))
	for _, body := range got {
		id := name(body)
		sent, known := bodies[id]
		if !known {
			a.Ghosts++
			continue
		}
		if copies[id]++; copies[id] > 1 {
			a.Duplicates++
		}
		if !bytes.Equal(body, sent) {
			a.Altered++
		}
	}
	a.Arrived = len(copies)
	a.Lost = a.Sent - a.Arrived
	return a
}

// Whole reports whether everything has arrived as it was sent. Duplicates are allowed: delivery is at least once.
func (a Audit) Whole() bool { return a.Lost == 0 && a.Altered == 0 && a.Ghosts == 0 }
