package load

import "sync"

// occupancy integrates over time how many records are in the system: released, and neither accepted nor given up.
type occupancy struct {
	mu    sync.Mutex
	n     int
	most  int
	begun int64
	last  int64
	area  float64
}

func (o *occupancy) begin(now int64) { o.begun, o.last = now, now }

func (o *occupancy) enter(now int64, n int) { o.change(now, n) }

func (o *occupancy) leave(now int64, n int) { o.change(now, -n) }

// change may be told of a moment that is a little older than the last one, when two attempts end side by side. The area
// between is made good, so that the sum is that of the times the records were there.
func (o *occupancy) change(now int64, by int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.area += float64(o.n) * float64(now-o.last)
	o.last = now
	o.n += by
	o.most = max(o.most, o.n)
}

// mean is the mean number from begin until now.
func (o *occupancy) mean(now int64) float64 {
	o.change(now, 0)
	if now <= o.begun {
		return 0
	}
	return o.area / float64(now-o.begun)
}
