package experiment

import (
	"fmt"
	"time"

	"sluice/bench/cost"
	"sluice/bench/result"
	"sluice/bench/trial"
	"sluice/bench/workload"
)

// fastest is how soon a request to AWS is answered, for estimating what a closed phase will send: a mean of 10 ms per
// SendMessageBatch follows from mqperf's table of 2021.
const fastest = 10 * time.Millisecond

// Estimate is what the run will cost at AWS, by the price book; only far ends that are AWS cost anything.
func Estimate(w *workload.Workload, pool *workload.Pool, ends map[string]*trial.FarEnd, book *cost.Book) (cost.Cost, error) {
	kib := meanSize(pool) / 1024
	var plans []cost.Plan
	for _, side := range w.Transports {
		end := ends[side.Name]
		if end == nil || end.Target.Kind != result.AWS {
			continue
		}
		b := w.BatchingOf(side)
		records, rate := perTrial(w, b)
		fill := cost.Fill(rate, b.Linger, kib, b.MaxRecords)
		plans = append(plans, cost.Plan{Option: end.Option, Records: int64(records) * int64(w.Trials.Pairs),
			Shape: cost.Shape{KiB: kib, SendFill: min(10, fill), ReceiveFill: min(10, fill), PostFill: 1, Empty: 0.1, Function: &cost.Function{MemoryGB: 0.125, Seconds: max(time.Millisecond, w.Consumer.Work).Seconds()}},
			Calls: int64(w.Trials.Pairs) * 20})
	}
	return book.Estimate(plans)
}

// perTrial is how many records a trial sends, warm-up included, and at which rate the first phase does.
func perTrial(w *workload.Workload, b workload.Batching) (records int, rate float64) {
	total := 0.0
	for _, p := range w.Phases {
		switch p.Kind {
		case workload.Open:
			total += p.Rate() * p.Duration.Seconds()
			if rate == 0 {
				rate = p.Rate()
			}
		case workload.Closed:
			for _, n := range p.Concurrency {
				total += float64(n*b.MaxRecords) * p.Duration.Seconds() / fastest.Seconds()
			}
		}
	}
	return int(total + rate*w.Trials.Warmup.Seconds()), rate
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
		if highest := max(p.Steady, p.Peak, p.From, p.To); float64(highest) > float64(w.Budget.MaxRPS) {
			return fmt.Errorf("phase %s offers %v, and budget.max_rps is %v; lower the rate or raise the budget", p.Name, highest, w.Budget.MaxRPS)
		}
	}
	return nil
}
