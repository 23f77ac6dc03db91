package cost

import (
	"fmt"
	"time"
)

// A Plan is what a run will do through one option.
type Plan struct {
	Option    Option
	Records   int64 // over all trials, warm-up included
	Shape     Shape
	Consumers int           // long polls that are open
	Waiting   time.Duration // time in which they find nothing: before, between and after the records
	Calls     int64         // to create, inspect and delete what the run needs
}

// Estimate is what a run will cost, before anything is spent. It leaves out brokers, which are paid for whether the run
// takes place or not. Each item is named after its option.
func (b *Book) Estimate(plans []Plan) (Cost, error) {
	var all Cost
	for _, p := range plans {
		if p.Records < 0 || p.Consumers < 0 || p.Waiting < 0 || p.Calls < 0 {
			return Cost{}, fmt.Errorf("%s: a plan with a negative number: %+v", p.Option, p)
		}
		if p.Option == Memory || p.Option.broker() {
			continue
		}
		if err := p.Shape.validate(p.Option); err != nil {
			return Cost{}, fmt.Errorf("%s: %w", p.Option, err)
		}
		uses := times(p.Shape.perRecord(p.Option), float64(p.Records))
		if p.Option.queue() {
			polls := float64(p.Consumers) * p.Waiting.Seconds() / 20 // a long poll waits up to 20 s
			uses = append(uses, use{"polls while waiting", p.Option.line(), polls}, use{"set-up calls", p.Option.line(), float64(p.Calls)})
		}
		for _, item := range b.bill(uses).Items {
			all.add(p.Option.Label()+": "+item.Name, item.Quantity, item.USD)
		}
	}
	return all, nil
}
