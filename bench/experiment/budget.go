package experiment

import (
	"fmt"
	"slices"
	"time"

	"sluice/bench/cost"
	"sluice/bench/load"
	"sluice/bench/result"
	"sluice/bench/trial"
	"sluice/bench/workload"
)

// fastest is how soon a request to AWS is answered, for estimating what a closed phase will send: a mean of 10 ms per
// SendMessageBatch follows from mqperf's table of 2021.
const fastest = 10 * time.Millisecond

// Paid reports whether records to a target may cost money: at AWS, and at any other machine, because an API behind a custom
// domain looks like one.
func Paid(t result.Target) bool {
	return (t.Kind == result.AWS || t.Kind == result.Remote) && (t.Transport == "sqs" || t.Transport == "apigateway")
}

// Estimate is what the run will cost at AWS at most, by the price book: with all trials repeated that may be, and searches that
// go on for as long and as high as they can.
func Estimate(w *workload.Workload, pool *workload.Pool, ends map[string]*trial.FarEnd, book *cost.Book) (cost.Cost, error) {
	var plans []cost.Plan
	for _, side := range w.Transports {
		end := ends[side.Name]
		if end == nil || !Paid(end.Target) {
			continue
		}
		most := max(1, end.Target.MaxRecords)
		open, closed, rate := perTrial(w, most)
		steady, full := planOf(w, pool, side, end, rate), planOf(w, pool, side, end, crowded)
		trials := float64(w.Trials.Pairs) * (1 + 1.0/OneInRepeated)
		steady.Records, steady.Calls = int64(open*trials), int64(trials*20)
		full.Records = int64(closed*trials + perSearch(w, most))
		plans = append(plans, steady, full)
	}
	all, err := book.Estimate(plans)
	return merged(all), err
}

// merged has each item once.
func merged(c cost.Cost) cost.Cost {
	out := cost.Cost{USD: c.USD}
	for _, item := range c.Items {
		i := slices.IndexFunc(out.Items, func(earlier cost.Item) bool { return earlier.Name == item.Name })
		if i < 0 {
			out.Items = append(out.Items, item)
			continue
		}
		out.Items[i].Quantity += item.Quantity
		out.Items[i].USD += item.USD
	}
	return out
}

// crowded is a rate at which records share requests as far as they can, as those of a closed phase do.
const crowded = 0

// planOf is how a record goes through a far end at a rate. The receivers of a queue are in this process, and cost nothing.
func planOf(w *workload.Workload, pool *workload.Pool, side workload.Side, end *trial.FarEnd, rate float64) cost.Plan {
	const memory = 0.125 // GB of the function behind the gateway: Lambda's least
	b, kib := w.BatchingOf(side), meanSize(pool)/1024
	linger := b.Linger
	if rate == crowded {
		if w.Budget.MaxRPS > 0 {
			b.MaxRecords = load.Together(b.MaxRecords, w.Budget.MaxRPS)
		}
		rate, linger = float64(b.MaxRecords), time.Second
	}
	fill := min(10, cost.Fill(rate, linger, kib, b.MaxRecords))
	plan := cost.Plan{Option: end.Option, Shape: cost.Shape{KiB: kib, SendFill: fill, ReceiveFill: fill, PostFill: 1, Empty: 0.1}}
	if end.Target.Transport == "apigateway" {
		plan.Shape.Function = &cost.Function{MemoryGB: memory, Seconds: max(time.Millisecond, w.Consumer.Work).Seconds()}
	}
	return plan
}

// perTrial is how many records the open phases of a trial send, warm-up included, how many the closed ones do in requests
// of at most most, and at which rate the first open phase does.
func perTrial(w *workload.Workload, most int) (open, closed, rate float64) {
	for _, p := range w.Phases {
		switch p.Kind {
		case workload.Open:
			open += p.Rate() * p.Duration.Seconds()
			if rate == 0 {
				rate = p.Rate()
			}
		case workload.Closed:
			for _, n := range p.Concurrency {
				closed += closedRate(w, n, most) * p.Duration.Seconds()
			}
		}
	}
	return open + rate*w.Trials.Warmup.Seconds(), closed, rate
}

// perSearch is the most that the searches send.
func perSearch(w *workload.Workload, most int) (records float64) {
	for _, p := range w.Phases {
		if p.Kind != workload.Search {
			continue
		}
		for n := 1; n <= mostConcurrency; n *= 2 {
			records += closedRate(w, n, most) * closedStep(p.Search).Seconds()
		}
		highest := bounded(w, closedRate(w, mostConcurrency, most)*float64(p.Search.Until))
		records += highest * p.Search.Step.Seconds() * float64(openSteps(p.Search))
	}
	return records
}

// closedRate is how many records a second n senders get accepted, most in a request.
func closedRate(w *workload.Workload, n, most int) float64 {
	return bounded(w, float64(n*most)/fastest.Seconds())
}

// bounded is a rate that the budget allows.
func bounded(w *workload.Workload, rate float64) float64 {
	if w.Budget.MaxRPS > 0 {
		return min(rate, w.Budget.MaxRPS)
	}
	return rate
}

// meanSize is the mean length of the bodies.
func meanSize(pool *workload.Pool) float64 {
	total := 0
	for i := range pool.Size() {
		total += len(pool.Body(i))
	}
	return float64(total) / float64(pool.Size())
}

// Afford refuses a run that the budget of its workload does not allow.
func Afford(w *workload.Workload, estimate cost.Cost) error {
	if estimate.USD > w.Budget.MaxUSD {
		return fmt.Errorf("the run would cost about $%.2f, and budget.max_usd is $%.2f; shorten it or raise the budget", estimate.USD, w.Budget.MaxUSD)
	}
	if w.Budget.MaxRPS == 0 {
		return nil
	}
	for _, p := range w.Phases {
		if highest := max(p.Steady, p.Base, p.Peak, p.From, p.To); float64(highest) > w.Budget.MaxRPS {
			return fmt.Errorf("phase %s offers %v, and budget.max_rps is %v; lower the rate or raise the budget", p.Name, highest, w.Budget.MaxRPS)
		}
	}
	return nil
}

// A purse is what a run has spent of its budget.
type purse struct {
	limit float64
	spent float64 // USD, at targets that are paid
}

// pay notes what was spent at a target, and says why the run has to end if that is beyond the budget.
func (p *purse) pay(t result.Target, usd float64) string {
	if Paid(t) {
		p.spent += usd
	}
	if p.spent <= p.limit {
		return ""
	}
	return fmt.Sprintf("$%.4f were spent by the prices of the book, and budget.max_usd is $%.2f", p.spent, p.limit)
}
