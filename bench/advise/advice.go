package advise

import (
	"cmp"
	"math"
	"slices"

	"sluice/bench/cost"
	"sluice/bench/stats"
)

// Confidence says what the recommendation rests on.
type Confidence string

// A recommendation is proved if the requirements alone leave no other option, or if everything that decided it was measured
// at the real service and within what a host is known to take. It is likely if prices and formulas decided, or measurements at a stand-in. It is a tie if two options
// are as good and only the number of moving parts was left to decide.
const (
	Proved Confidence = "proved"
	Likely Confidence = "likely"
	Tie    Confidence = "tie"
	None   Confidence = "none" // no option passes the gates
)

// Two monthly costs are a tie if they are within 10 % or within $5 of each other.
const (
	tieShare = 0.10
	tieUSD   = 5.0
)

// A Candidate is one option with what was found about it.
type Candidate struct {
	Option     cost.Option `json:"option"`
	Out        bool        `json:"out"` // a gate failed
	Gates      []Gate      `json:"gates"`
	Priced     bool        `json:"priced"`      // false: the record does not fit into a request, so there is no price
	Monthly    cost.Cost   `json:"monthly"`     // USD at the user's volume, tiers, idle polls and hosts included
	PerMillion float64     `json:"per_million"` // USD for the first million records
	SendFill   float64     `json:"send_fill"`   // records per request
	Counted    bool        `json:"counted"`     // attempts are counted, not assumed to be 1
	SLOProven  bool        `json:"slo_proven"`  // the bound holds, interval included, at the real service
	Parts      []string    `json:"parts"`       // what the user must run and watch
}

// An Advice is the answer.
type Advice struct {
	Question       Question      `json:"question"`
	Recommendation cost.Option   `json:"recommendation"` // empty if no option passes
	Confidence     Confidence    `json:"confidence"`
	Ties           []cost.Option `json:"ties"`    // what costs as much as the recommendation
	Options        []Candidate   `json:"options"` // survivors from best to worst, then what is out
	Facts          []string      `json:"facts"`   // the three that decided
	Flips          []Flip        `json:"flips"`   // what would change the answer
	Caveats        []string      `json:"caveats"`
}

// Ask answers the question of in. It computes everything from in, and the same input has the same answer.
func Ask(in Input) (Advice, error) {
	if err := in.validate(); err != nil {
		return Advice{}, err
	}
	a, err := in.answer()
	if err != nil {
		return Advice{}, err
	}
	a.Flips = in.flips(a.Recommendation)
	a.Caveats, err = in.caveats(a)
	return a, err
}

// answer is the advice without what needs further questions.
func (in Input) answer() (Advice, error) {
	in.Question = in.Question.filled()
	a := Advice{Question: in.Question, Confidence: None}
	var alive, out []Candidate
	for _, o := range cost.Options() {
		c, err := in.candidate(o)
		if err != nil {
			return Advice{}, err
		}
		if c.Out {
			out = append(out, c)
			continue
		}
		alive = append(alive, c)
	}
	rank, ties, byParts := in.rank(alive)
	a.Options = append(rank, out...)
	if len(rank) == 0 {
		a.Facts = in.facts(a)
		return a, nil
	}
	a.Recommendation = rank[0].Option
	a.Ties = ties
	a.Confidence = in.confidence(rank, out, byParts)
	a.Facts = in.facts(a)
	return a, nil
}

func (in Input) candidate(o cost.Option) (Candidate, error) {
	c := Candidate{Option: o, Gates: in.gates(o), Parts: parts(o, in.Question)}
	fits := true
	for _, g := range c.Gates {
		c.Out = c.Out || !g.Passed
		fits = fits && (g.Passed || g.ID != "G2")
	}
	if l, ok := in.proven(o); ok {
		c.SLOProven = l.High <= in.Question.SLO.Bound
	}
	if !fits {
		return c, nil
	}
	shape, counted := in.shape(o)
	monthly, err := in.Book.Monthly(o, shape, in.Question.RecordsPerMonth)
	if err != nil {
		return c, err
	}
	perMillion, err := in.Book.PerMillion(o, shape)
	if err != nil {
		return c, err
	}
	c.Priced, c.Monthly, c.PerMillion, c.SendFill, c.Counted = true, monthly, perMillion.USD, shape.SendFill, counted
	if !queueFamily(o) {
		c.SendFill = shape.PostFill
	}
	return c, nil
}

// parts lists what the user must run and watch for o.
func parts(o cost.Option, q Question) []string {
	switch {
	case o == cost.SQSStandard:
		return []string{"queue", "dead-letter queue"}
	case o == cost.SQSFIFO:
		return []string{"queue", "dead-letter queue", "group of each record"}
	case broker(o):
		return []string{"hosts", "disks", "upgrades", "users and certificates", "monitoring"}
	}
	p := []string{"API with a stage", "throttles and quotas", "integration"}
	if !q.NeedsReply {
		p = append(p, "spool for what is refused")
	}
	return p
}

// rank orders the survivors: a proven latency bound first, then the price, with ties broken by a proven lower processed p99
// then, where duplicates do harm, by what drops repeats, and then by fewer moving parts. byParts reports that none but the
// last two made the first one first.
func (in Input) rank(alive []Candidate) (ranked []Candidate, ties []cost.Option, byParts bool) {
	ranked = slices.Clone(alive)
	slices.SortStableFunc(ranked, func(x, y Candidate) int {
		if x.SLOProven != y.SLOProven {
			if x.SLOProven {
				return -1
			}
			return 1
		}
		return cmp.Compare(x.Monthly.USD, y.Monthly.USD)
	})
	if len(ranked) < 2 {
		return ranked, nil, false
	}
	equal := 1
	for i := 1; i < len(ranked) && ranked[i].SLOProven == ranked[0].SLOProven && tied(ranked[0], ranked[i]); i++ {
		if in.sameButDearer(ranked[i], ranked[:equal]) {
			continue
		}
		ranked[equal], ranked[i] = ranked[i], ranked[equal]
		equal++
	}
	best := ranked[:equal]
	slices.SortStableFunc(best, func(x, y Candidate) int {
		if x, y := in.repeatsMatter(x.Option), in.repeatsMatter(y.Option); x != y {
			return choose(x, 1, -1)
		}
		return cmp.Compare(len(x.Parts), len(y.Parts))
	})
	byParts = equal > 1
	for i, c := range best {
		if in.fasterThanAll(c.Option, best) {
			best = slices.Insert(slices.Delete(best, i, i+1), 0, c)
			byParts = false
			break
		}
	}
	for _, c := range best[1:] {
		ties = append(ties, c.Option)
	}
	return ranked, ties, byParts
}

// sameButDearer reports whether c is another kind of a transport that is there for less and with no more parts: a FIFO queue
// beside a standard one is no alternative that leaves anything to decide.
func (in Input) sameButDearer(c Candidate, cheaper []Candidate) bool {
	for _, x := range cheaper {
		if in.repeatsMatter(x.Option) && !in.repeatsMatter(c.Option) {
			continue
		}
		if x.Option.Transport() == c.Option.Transport() && len(x.Parts) <= len(c.Parts) {
			return true
		}
	}
	return false
}

// rival is the survivor that the first is compared with: the best that uses another transport, or else the second best.
func rival(ranked []Candidate) (Candidate, bool) {
	var second *Candidate
	for i, c := range ranked {
		if i == 0 || c.Out {
			continue
		}
		if c.Option.Transport() != ranked[0].Option.Transport() {
			return c, true
		}
		if second == nil {
			second = &ranked[i]
		}
	}
	if second == nil {
		return Candidate{}, false
	}
	return *second, true
}

func tied(x, y Candidate) bool {
	gap := math.Abs(x.Monthly.USD - y.Monthly.USD)
	return gap < tieUSD || gap < tieShare*max(x.Monthly.USD, y.Monthly.USD)
}

// fasterThanAll reports whether paired trials at the real services prove a lower processed p99 for o than for each other one.
func (in Input) fasterThanAll(o cost.Option, all []Candidate) bool {
	for _, c := range all {
		if c.Option != o && !in.faster(o, c.Option) {
			return false
		}
	}
	return len(all) > 1
}

// repeatsMatter reports whether duplicates do harm and o drops none.
func (in Input) repeatsMatter(o cost.Option) bool {
	return in.Question.NoDuplicates && o != cost.SQSFIFO && o != cost.JetStream
}

func (in Input) faster(a, b cost.Option) bool {
	ea, eb := in.of(a), in.of(b)
	if ea == nil || eb == nil || ea.StandIn || eb.StandIn {
		return false
	}
	for _, c := range in.Compared {
		if c.Metric != "processed.p99" {
			continue
		}
		if c.A == a && c.B == b && c.Verdict == stats.ABetter || c.A == b && c.B == a && c.Verdict == stats.BBetter {
			return true
		}
	}
	return false
}

// confidence judges what the first of the ranked survivors rests on.
func (in Input) confidence(ranked, out []Candidate, byParts bool) Confidence {
	first := ranked[0]
	sloOpen := in.Question.SLO != nil && !first.SLOProven
	switch {
	case sloOpen:
		return Likely
	case byParts:
		return Tie
	case in.Question.beyondHost(first.Option):
		return Likely
	case len(ranked) == 1:
		return in.alone(out)
	}
	next, _ := rival(ranked)
	for _, c := range []Candidate{first, next} {
		e := in.of(c.Option)
		if e == nil || e.StandIn || !c.Counted {
			return Likely
		}
	}
	return Proved
}

// alone is the confidence in the only survivor: it is proved unless another option is out for nothing but what was seen at a
// stand-in.
func (in Input) alone(out []Candidate) Confidence {
	for _, c := range out {
		requirement := false
		for _, g := range c.Gates {
			requirement = requirement || !g.Passed && g.ID != "G6"
		}
		if e := in.of(c.Option); !requirement && e != nil && e.StandIn {
			return Likely
		}
	}
	return Proved
}
