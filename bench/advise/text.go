package advise

import (
	"fmt"
	"io"
	"strings"
)

const width = 80

// mostFlips is how many changes are printed; the results keep all of them.
const mostFlips = 8

// WriteText prints the advice in at most 80 columns.
func WriteText(w io.Writer, a Advice) error {
	var b strings.Builder
	head := "No option does what you ask."
	if a.Recommendation != "" {
		head = fmt.Sprintf("Recommendation: %s (%s)", a.Recommendation.Label(), a.Confidence)
	}
	if len(a.Ties) > 0 {
		var labels []string
		for _, o := range a.Ties {
			labels = append(labels, o.Label())
		}
		head += "; as cheap: " + strings.Join(labels, ", ")
	}
	b.WriteString(wrap(head, width, "", "  "))

	b.WriteString("\nWhat decided\n")
	for i, f := range a.Facts {
		b.WriteString(wrap(f, width, fmt.Sprintf("  %d. ", i+1), "     "))
	}
	b.WriteString("\nWhat would change the answer\n")
	if len(a.Flips) == 0 {
		b.WriteString("  no single change of size, rate, volume, linger or requirement\n")
	}
	for i, f := range a.Flips {
		if i == mostFlips {
			fmt.Fprintf(&b, "  and %d more changes in the results\n", len(a.Flips)-i)
			break
		}
		to := "no option left"
		if f.Recommendation != "" {
			to = f.Recommendation.Label()
		}
		b.WriteString(wrap(f.Change+": "+to, width, "  - ", "    "))
	}
	fmt.Fprintf(&b, "\n%-24s %14s %14s %16s\n", "Option", "USD a month", "per million", "records/request")
	for _, c := range a.Options {
		writeCandidate(&b, c)
	}
	b.WriteString("\nNot covered\n")
	for _, c := range a.Caveats {
		b.WriteString(wrap(c, width, "  - ", "    "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeCandidate(b *strings.Builder, c Candidate) {
	monthly, perMillion, fill := "-", "-", "-"
	if c.Priced {
		monthly, perMillion, fill = dollars(c.Monthly.USD), fmt.Sprintf("$%.3f", c.PerMillion), number(c.SendFill)
	}
	if c.Out {
		monthly = "out"
	}
	fmt.Fprintf(b, "%-24s %14s %14s %16s\n", c.Option.Label(), monthly, perMillion, fill)
	for _, g := range c.Gates {
		mark := "ok"
		if !g.Passed {
			mark = "no"
		}
		b.WriteString(wrap(g.Reason, width, "  "+mark+" "+g.ID+": ", "     "))
	}
}
