package transport

import (
	"slices"
	"time"
)

// A pace decides how many requests may be under way at once: one more after each round of requests that passed in good
// time, half as many when the destination throttles, a quarter fewer when most of a round took much longer than a request
// that is alone on its way. The last one down to a single request, which then is alone: so a destination that has become
// slow for other reasons is measured anew, and gets as many as before. Until one was alone,
// the shortest of all counts.
type pace struct {
	ceiling int // the limit never grows above it
	limit   int // requests in flight at once; a round is as many of them

	passed int // requests of this round that passed
	long   int // of them, those that took much longer than usual
	short  int // of them, those that took clearly less

	usual time.Duration   // what a request takes that is alone on its way; 0: not known yet
	alone []time.Duration // what the latest of these took
}

const (
	// muchLonger times the usual is much longer. Twice is what a jittery link does, and what a destination that works on
	// k requests at once does when it has k more in its queue, which keep it busy.
	muchLonger = 3
	// noise is the shortest time that is worth a look: a request to a service in the same region takes about as long.
	noise = 20 * time.Millisecond
	// sampled is the number of lone requests of which the middle one is the usual: one in five may be an outlier.
	sampled = 5
)

// pass notes a request that passed. alone says that no other was under way at the same time. It reports whether the limit
// went down.
func (p *pace) pass(took time.Duration, alone bool) (slower bool) {
	switch {
	case alone:
		p.measure(took)
	case len(p.alone) == 0 && (p.usual == 0 || took < p.usual):
		p.usual = took
	}
	p.passed++
	if p.usual > 0 && took > muchLonger*max(p.usual, noise) {
		p.long++
	}
	if took < clearlyLess(p.usual) {
		p.short++
	}
	if p.passed < p.limit {
		return false
	}
	before := p.limit
	switch {
	case 2*p.long > p.passed:
		p.limit = max(1, p.limit*3/4)
	case p.limit < p.ceiling:
		p.limit++
	}
	if 2*p.short > p.passed { // the destination has become faster, and none was alone to show it
		p.usual = clearlyLess(p.usual)
	}
	p.restart()
	return p.limit < before
}

// measure takes the time of a lone request into account.
func (p *pace) measure(took time.Duration) {
	if len(p.alone) == sampled {
		p.alone = append(p.alone[:0], p.alone[1:]...)
	}
	p.alone = append(p.alone, took)
	sorted := slices.Sorted(slices.Values(p.alone))
	p.usual = sorted[len(sorted)/2]
}

// halve is the answer to being throttled.
func (p *pace) halve() {
	p.limit = max(1, p.limit/2)
	p.restart()
}

// restart begins a new round.
func (p *pace) restart() { p.passed, p.long, p.short = 0, 0, 0 }

// clearlyLess is the step by which the usual goes down.
func clearlyLess(d time.Duration) time.Duration { return d * 7 / 8 }
