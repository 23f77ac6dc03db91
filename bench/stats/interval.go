package stats

import (
	"encoding/json"
	"fmt"
	"math"
)

// An Interval holds the values that the data do not refute, both ends included. An end that the data do not bound is 0
// below and +Inf above.
type Interval struct{ Low, High float64 }

// Contains reports whether x is in the interval.
func (i Interval) Contains(x float64) bool { return i.Low <= x && x <= i.High }

// MarshalJSON writes [low, high], with null for an end without a bound.
func (i Interval) MarshalJSON() ([]byte, error) {
	ends := [2]*float64{&i.Low, &i.High}
	if i.Low <= 0 {
		ends[0] = nil
	}
	if math.IsInf(i.High, 1) {
		ends[1] = nil
	}
	return json.Marshal(ends)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (i *Interval) UnmarshalJSON(data []byte) error {
	var ends []*float64
	if err := json.Unmarshal(data, &ends); err != nil {
		return err
	}
	if len(ends) != 2 {
		return fmt.Errorf("an interval has 2 ends, not %d", len(ends))
	}
	*i = Interval{Low: 0, High: math.Inf(1)}
	if ends[0] != nil {
		i.Low = *ends[0]
	}
	if ends[1] != nil {
		i.High = *ends[1]
	}
	if i.Low > i.High {
		return fmt.Errorf("the interval [%v, %v] ends before it begins", i.Low, i.High)
	}
	return nil
}
