package faults

import (
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func arm(t *testing.T, s Script) *Armed {
	t.Helper()
	a, err := s.Arm()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// met calls n times and returns the numbers, from 1, of the calls that were met.
func met(a *Armed, call string, n int) (out []int) {
	for i := range n {
		if a.Next(service(call), call) != nil {
			out = append(out, i+1)
		}
	}
	return out
}

func TestWhichCalls(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule Rule
		want []int
	}{
		"all":                {Rule{Do: Reset}, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
		"the third":          {Rule{Do: Reset, Nth: []Range{{3, 3}}}, []int{3}},
		"a list":             {Rule{Do: Reset, Nth: []Range{{1, 1}, {5, 7}}}, []int{1, 5, 6, 7}},
		"every third":        {Rule{Do: Reset, Every: 3}, []int{3, 6, 9}},
		"every third, twice": {Rule{Do: Reset, Every: 3, Times: 2}, []int{3, 6}},
		"both have to hold":  {Rule{Do: Reset, Nth: []Range{{4, 9}}, Every: 3}, []int{6, 9}},
		"certain":            {Rule{Do: Reset, P: 1, Times: 3}, []int{1, 2, 3}},
		"another call":       {Rule{Do: Reset, Calls: []string{"ReceiveMessage"}}, nil},
		"its service":        {Rule{Do: Reset, Calls: []string{SQS}, Times: 1}, []int{1}},
		"another service":    {Rule{Do: Reset, Calls: []string{STS, APIGateway}}, nil},
		"cannot act on it":   {Rule{Do: FailEntries}, nil},
	} {
		if got := met(arm(t, Script{Rules: []Rule{c.rule}}), "SendMessage", 10); !slices.Equal(got, c.want) {
			t.Errorf("%s: got calls %v, want %v", name, got, c.want)
		}
	}
}

// TestFirstRuleActs: of two rules that fit the first acts; the second counts the call all the same.
func TestFirstRuleActs(t *testing.T) {
	t.Parallel()
	a := arm(t, Script{Rules: []Rule{
		{Do: Reset, Calls: []string{SQS}, Every: 2},
		{Name: "second", Do: AcceptThenHang, Nth: []Range{{3, 3}}},
	}})
	var got []Action
	for range 4 {
		if h := a.Next(service("SendMessage"), "SendMessage"); h != nil {
			got = append(got, h.Do)
		} else {
			got = append(got, "")
		}
	}
	if want := []Action{"", Reset, AcceptThenHang, Reset}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	want := []Count{{1, "reset on sqs", 2}, {2, "second", 1}}
	if got := a.Counts(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestSeedDecides: the same seed meets the same calls, another one others, and as many as the probability says.
func TestSeedDecides(t *testing.T) {
	t.Parallel()
	script := func(seed uint64) Script {
		return Script{Seed: seed, Rules: []Rule{{Do: Reset, Calls: []string{STS}}, {Do: Reset, P: 0.1}}}
	}
	first, again, other := met(arm(t, script(1)), "SendMessage", 5000), met(arm(t, script(1)), "SendMessage", 5000), met(arm(t, script(2)), "SendMessage", 5000)
	if !slices.Equal(first, again) {
		t.Error("the same seed met other calls")
	}
	if slices.Equal(first, other) {
		t.Error("another seed met the same calls")
	}
	if n := len(first); n < 430 || n > 570 {
		t.Errorf("met %d of 5,000 calls, want about 500", n)
	}
}

// TestWindow: a rule acts from After on, for For, counted from the moment the script was armed; a stall ends with it.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Hour)
		a := arm(t, Script{Rules: []Rule{{Do: Stall, Calls: []string{Any}, After: 10 * time.Second, For: 3 * time.Second}}})
		for _, c := range []struct{ at, wait time.Duration }{
			{0, 0}, {9999 * time.Millisecond, 0}, {10 * time.Second, 3 * time.Second}, {12500 * time.Millisecond, 500 * time.Millisecond}, {13 * time.Second, 0},
		} {
			time.Sleep(c.at - time.Since(a.start))
			got := time.Duration(0)
			if h := a.Next(service("POST /records"), "POST /records"); h != nil {
				got = h.Wait
			}
			if got != c.wait {
				t.Errorf("after %v: waits %v, want %v", c.at, got, c.wait)
			}
		}
	})
}

// TestBucket: the burst passes, then the rate; what passes goes on to the rules that follow.
func TestBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := arm(t, Script{Rules: []Rule{{Do: Throttle, Rate: 2, Burst: 3}, {Do: Latency, Latency: time.Second}}})
		throttled := func(n int) (count int) {
			for range n {
				if a.Next(service("SendMessage"), "SendMessage").Do == Throttle {
					count++
				}
			}
			return count
		}
		if got := throttled(10); got != 7 {
			t.Errorf("at once: %d of 10 throttled, want 7", got)
		}
		time.Sleep(time.Second)
		if got := throttled(10); got != 8 {
			t.Errorf("a second later: %d of 10 throttled, want 8", got)
		}
	})
}

func TestEntries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		e    Entries
		want []int
	}{
		"all":       {Entries{}, []int{0, 1, 2, 3, 4}},
		"a list":    {Entries{Positions: []int{2, 5, 9}}, []int{1, 4}},
		"the drawn": {Entries{One: true}, []int{3}},
	} {
		var got []int
		for i := range 5 {
			if c.e.picks(i, 5, 13) {
				got = append(got, i)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestLatencyByModel(t *testing.T) {
	t.Parallel()
	a := arm(t, Script{Seed: 3, Rules: []Rule{{Do: Latency, Model: "sqs-send-2021"}}})
	var waits []time.Duration
	for range 2000 {
		waits = append(waits, a.Next(service("SendMessage"), "SendMessage").Wait)
	}
	slices.Sort(waits)
	if p50 := waits[1000]; p50 < 7400*time.Microsecond || p50 > 8200*time.Microsecond {
		t.Errorf("median %v, want 7.8 ms", p50)
	}
}

// TestNobodyArmed: without a script nothing happens.
func TestNobodyArmed(t *testing.T) {
	t.Parallel()
	var a *Armed
	if h, c := a.Next(service("SendMessage"), "SendMessage"), a.Counts(); h != nil || c != nil {
		t.Errorf("got %v, %v, want nothing", h, c)
	}
}

// TestCountsAreExactSideBySide: many calls at once are met exactly as often as the script says.
func TestCountsAreExactSideBySide(t *testing.T) {
	t.Parallel()
	a := arm(t, Script{Rules: []Rule{{Do: Reset, Every: 10}, {Do: AcceptThenHang, Times: 25}}})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { met(a, "SendMessage", 125) })
	}
	wg.Wait()
	if got := []int{a.Counts()[0].Fired, a.Counts()[1].Fired}; !reflect.DeepEqual(got, []int{100, 25}) {
		t.Errorf("fired %v times, want 100 and 25", got)
	}
}
