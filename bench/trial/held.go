package trial

import (
	"fmt"

	"sluice/bench/result"
)

// leastHeld is the share of the bound from which on the bound, and not the destination, is what the rate says.
const leastHeld = 0.95

// held says whether budget.max_rps held the senders of a closed phase down. What then was accepted is not the most that the
// transport takes, and the numbers are right all the same. ok is false if the phase had no bound.
func (m *measured) held(p result.Phase) (c result.Check, ok bool) {
	bound := m.sent.MaxRate
	if m.kind != "closed" || bound == 0 {
		return c, false
	}
	c = result.Check{Name: "held", OK: p.AcceptedRate < leastHeld*bound, Value: p.AcceptedRate, Limit: leastHeld * bound, Warning: true}
	if c.Text = fmt.Sprintf("budget.max_rps, %g/s, did not hold the senders down: %.4g/s were accepted", bound, p.AcceptedRate); !c.OK {
		c.Text = fmt.Sprintf("budget.max_rps, %g/s, held the senders down: the transport may take more than the %.4g/s that were accepted", bound, p.AcceptedRate)
	}
	return c, true
}
