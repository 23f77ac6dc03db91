package transporttest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/internal/fault"
	"sluice/transport"
	"sluice/transport/transporttest"
)

// A witness is a test that notes what is said of it.
type witness struct {
	testing.TB
	said []string
}

func (w *witness) Helper()                      {}
func (w *witness) Errorf(f string, args ...any) { w.said = append(w.said, fmt.Sprintf(f, args...)) }
func (w *witness) Error(args ...any)            { w.said = append(w.said, fmt.Sprint(args...)) }
func (w *witness) heard(t *testing.T, want string) {
	t.Helper()
	if all := strings.Join(w.said, "\n"); want == "" && all != "" || !strings.Contains(all, want) {
		t.Errorf("said %q, want %q", all, want)
	}
}

// tell tells a Ledger of one Send of r with this outcome.
func tell(d *transport.Deliverer, r transport.Record, start time.Time, err *fault.Error) {
	res := transport.Result{}
	if err != nil {
		res.Err = err
	}
	d.Observe(transport.Attempt{Start: start, Records: []transport.Record{r}, Results: []transport.Result{res}})
}

func TestTheLedgerSeesWhatIsWrong(t *testing.T) {
	t.Parallel()
	r := transport.Record{ID: "a", Body: []byte("A")}
	unknown := &fault.Error{Reason: "network", Ambiguous: true}
	refused := &fault.Error{Class: fault.Rejected, Reason: "poison"}
	again := &fault.Error{Reason: "network"}
	copies := func(n int) []transport.Record {
		var all []transport.Record
		for range n {
			all = append(all, r)
		}
		return all
	}
	for name, tc := range map[string]struct {
		attempts []*fault.Error
		result   error
		stored   []transport.Record
		want     string
	}{
		"accepted and stored":           {[]*fault.Error{nil}, nil, copies(1), ""},
		"accepted and lost":             {[]*fault.Error{nil}, nil, nil, "lost"},
		"twice, with a reason":          {[]*fault.Error{unknown, nil}, nil, copies(2), ""},
		"twice, without a reason":       {[]*fault.Error{again, nil}, nil, copies(2), "stored 2 times"},
		"three times for one unknown":   {[]*fault.Error{unknown, nil}, nil, copies(3), "stored 3 times"},
		"altered":                       {[]*fault.Error{nil}, nil, []transport.Record{{ID: "a", Body: []byte("B")}}, "not what was sent"},
		"invented":                      {[]*fault.Error{nil}, nil, append(copies(1), transport.Record{ID: "b"}), "not what was sent"},
		"rejected":                      {[]*fault.Error{refused}, refused, nil, ""},
		"rejected and stored":           {[]*fault.Error{refused}, refused, copies(1), "stored 1 times"},
		"neither accepted nor rejected": {[]*fault.Error{again}, again, nil, "not settled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, w := &transport.Deliverer{}, &witness{TB: t}
			l := new(transporttest.Ledger).Keep(d)
			for _, e := range tc.attempts {
				tell(d, r, time.Now(), e)
			}
			l.Settled(w, []transport.Record{r}, []transport.Result{{Err: tc.result}}, tc.stored)
			w.heard(t, tc.want)
		})
	}
}

func TestTheLedgerSeesAPauseThatIsNone(t *testing.T) {
	t.Parallel()
	r := transport.Record{ID: "a"}
	missing := &fault.Error{Class: fault.Blocked, Reason: "queue_missing"}
	const probe = time.Second
	for name, tc := range map[string]struct {
		after  []time.Duration // between refused attempts
		report []error
		want   string
	}{
		"as it should be":     {[]time.Duration{0, probe}, []error{missing, nil}, ""},
		"knocks too early":    {[]time.Duration{0, probe / 2}, []error{missing, nil}, "before the next probe"},
		"never told":          {[]time.Duration{0, probe}, nil, "reported"},
		"never well again":    {[]time.Duration{0, probe}, []error{missing, missing}, "reported"},
		"for another reason":  {[]time.Duration{0, probe}, []error{&fault.Error{Class: fault.Blocked, Reason: "x"}, nil}, "reported"},
		"only one was turned": {[]time.Duration{0}, []error{missing, nil}, "two at least"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, w := &transport.Deliverer{}, &witness{TB: t}
			l := new(transporttest.Ledger).Keep(d)
			at := time.Now()
			for _, wait := range tc.after {
				at = at.Add(wait)
				tell(d, r, at, missing)
			}
			tell(d, r, at.Add(probe), nil)
			for _, err := range tc.report {
				d.Report(err)
			}
			l.Paused(w, "queue_missing", probe)
			w.heard(t, tc.want)
		})
	}
}
