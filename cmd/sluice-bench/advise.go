package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/bench/advise"
	"sluice/bench/cost"
	"sluice/bench/experiment"
)

// question is an advise.Question as the command line puts it.
type question struct {
	advise.Question
	records string
	size    string
	slo     string
	loss    float64
	host    float64
	book    string
	exclude []string
}

// yourFigure is the source of a host's price that was given.
const yourFigure = "your own figure"

func adviseCommand() *cobra.Command {
	var q question
	cmd := &cobra.Command{
		Use:   "advise [results.json] --records-per-month N --size BYTES",
		Short: "Queue or gateway? An answer for your volume",
		Long: `Says which way of delivering to choose for the volume and the needs that the
flags describe, what it costs a month, which three facts decided, and what would
turn the answer round. It needs no run: the prices are enough. What a run has
measured is taken into account if its results are given; a stand-in's latencies
never are.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return exactly(1, "one results.json, or none")(cmd, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			in := advise.Input{}
			var err error
			if len(args) == 1 {
				f, err := readResults(args[0])
				if err != nil {
					return err
				}
				if in, err = experiment.Evidence(f); err != nil {
					return coded{exitDamaged, err}
				}
			}
			if in.Book == nil || q.book != "" {
				if in.Book, err = cost.LoadBook(q.book); err != nil {
					return coded{exitUsage, err}
				}
			}
			if in.Question, err = q.parse(); err != nil {
				return coded{exitUsage, err}
			}
			if cmd.Flags().Changed("loss-bound") {
				in.Question.LossBound = &q.loss
			}
			if cmd.Flags().Changed("host-usd") {
				if !(q.host >= 0 && q.host <= 1e9) {
					return coded{exitUsage, fmt.Errorf("--host-usd is %v, want 0 to 1e9 a month", q.host)}
				}
				in.Book = in.Book.WithHost(cost.JetStream, q.host, yourFigure).WithHost(cost.RabbitMQ, q.host, yourFigure)
			}
			advice, err := advise.Ask(in)
			if err != nil {
				return coded{exitUsage, err}
			}
			return advise.WriteText(cmd.OutOrStdout(), advice)
		},
	}
	q.flags(cmd)
	return cmd
}

func (q *question) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&q.records, "records-per-month", "", "`number` of records, such as 50M or 2e9")
	f.StringVar(&q.size, "size", "1KiB", "`bytes` of a record, such as 900B or 16KiB")
	f.BoolVar(&q.Binary, "binary", false, "records are not text, so that queue and gateway carry them as base64")
	f.Float64Var(&q.Rate, "rate", 0, "records per second while they come; 0: spread over the month")
	f.Float64Var(&q.Burst, "burst", 0, "highest records per second for seconds; 0: as the rate")
	f.DurationVar(&q.Linger, "linger", 0, "how long a record may wait for others to share its request")
	f.IntVar(&q.Together, "together", 10, "records that come at once, as a page of the source; 1: one by one, as a benchmark offers them")
	f.IntVar(&q.MaxRecords, "max-records", 10, "records in a request to a queue")
	f.IntVar(&q.PostRecords, "post-records", 1, "records in a POST; the transport sends one")
	f.StringVar(&q.slo, "slo", "", "`bound` on a latency, such as 'processed.p99 < 500ms'")
	f.Float64Var(&q.loss, "loss-bound", 0, "largest tolerable share of lost records; 0: none; not given: no bound")
	f.BoolVar(&q.NeedsReply, "needs-reply", false, "the sender needs the result of the processing")
	f.BoolVar(&q.StrictOrder, "strict-order", false, "records of one key have to be processed in order")
	f.Float64Var(&q.RatePerKey, "rate-per-key", 0, "records per second of the busiest key; 0: all of them")
	f.BoolVar(&q.ConsumerMayBeDown, "consumer-may-be-down", false, "records keep coming while nobody processes them")
	f.BoolVar(&q.DurableSpool, "durable-spool", false, "the source can be read again, so that what was not accepted is sent later")
	f.BoolVar(&q.NoDuplicates, "no-duplicates", false, "processing a record twice does harm: prefer what drops repeats")
	f.BoolVar(&q.HTTPSOnly, "https-only", false, "only HTTPS to a domain of your own may leave")
	f.BoolVar(&q.Replay, "replay", false, "records have to be readable again after they were processed")
	f.DurationVar(&q.Work, "work", 0, "time that the consumer needs for a record")
	f.IntVar(&q.MemoryMB, "lambda-memory", 128, "MB of the function that consumes; 0: a consumer of your own")
	f.StringSliceVar(&q.exclude, "exclude", nil, "options that may not be used: "+optionNames())
	f.Float64Var(&q.host, "host-usd", 0, "USD a month for the hosts of a broker of your own; not given: as in the price book")
	f.StringVar(&q.book, "price-book", "", "`file` with prices; unset: those of the run, or "+cost.DefaultID)
}

func optionNames() string {
	var names []string
	for _, o := range cost.Options() {
		names = append(names, string(o))
	}
	return strings.Join(names, ", ")
}

// parse reads what has a form of its own.
func (q *question) parse() (advise.Question, error) {
	var errs []error
	out := q.Question
	if q.records == "" {
		errs = append(errs, errors.New("--records-per-month is missing: how many records there are decides what they cost"))
	} else if n, err := amount(q.records, map[string]float64{"k": 1e3, "M": 1e6, "G": 1e9, "": 1}); err != nil {
		errs = append(errs, fmt.Errorf("--records-per-month is %q, want a number such as 50M or 2e9", q.records))
	} else {
		out.RecordsPerMonth = n
	}
	n, err := amount(q.size, map[string]float64{"KiB": 1 << 10, "MiB": 1 << 20, "KB": 1e3, "MB": 1e6, "B": 1, "": 1})
	if err != nil {
		errs = append(errs, fmt.Errorf("--size is %q, want a size such as 900B or 16KiB", q.size))
	}
	out.Size = n
	if q.slo != "" {
		if out.SLO, err = parseSLO(q.slo); err != nil {
			errs = append(errs, err)
		}
	}
	for _, name := range q.exclude {
		out.Exclude = append(out.Exclude, cost.Option(name))
	}
	return out, errors.Join(errs...)
}

// amount reads a number with one of the units behind it.
func amount(text string, units map[string]float64) (float64, error) {
	number := strings.TrimRight(text, "abcdfghijklmnopqrstuvwxyzABCDFGHIJKLMNOPQRSTUVWXYZ") // all but the e of 2e9
	unit, known := units[strings.TrimPrefix(text, number)]
	x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !known {
		return 0, fmt.Errorf("%q is no amount", text)
	}
	return x * unit, nil
}

// parseSLO reads METRIC < BOUND.
func parseSLO(text string) (*advise.SLO, error) {
	metric, bound, found := strings.Cut(text, "<")
	d, err := time.ParseDuration(strings.TrimSpace(bound))
	if !found || err != nil {
		return nil, fmt.Errorf("--slo is %q, want a metric and a bound, such as 'processed.p99 < 500ms'", text)
	}
	return &advise.SLO{Metric: strings.TrimSpace(metric), Bound: d}, nil
}
