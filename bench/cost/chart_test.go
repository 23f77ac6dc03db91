package cost_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"sluice/bench/cost"
)

func itoa(n int) string { return strconv.Itoa(n) }

// tiers lists the prices of a line.
func tiers(l cost.Line) string {
	var all []string
	for _, t := range l.Tiers {
		all = append(all, strconv.FormatFloat(t.PerMillion, 'f', -1, 64))
	}
	return strings.Join(all, " ")
}

func crosses(c cost.Chart, a, b cost.Option) []cost.Cross {
	var found []cost.Cross
	for _, x := range c.Cross {
		if x.From == a && x.To == b || x.From == b && x.To == a {
			found = append(found, x)
		}
	}
	return found
}

func TestSizeChartCrossesWhereTheFormulasDo(t *testing.T) {
	t.Parallel()
	c, err := cost.DefaultBook().SizeChart(shape(1, 1, 1, 1), 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Curves) != 4 || len(c.Curves[0].Points) != 512 {
		t.Fatalf("%d curves of %d points, want 4 of 512", len(c.Curves), len(c.Curves[0].Points))
	}
	// REST is cheaper from the first KiB beyond 192, where a request has 4 chunks. FIFO ties with REST from 129 to 192.
	for _, queue := range []cost.Option{cost.SQSStandard, cost.SQSFIFO} {
		if got, want := crosses(c, queue, cost.REST), []cost.Cross{{X: 193, From: queue, To: cost.REST}}; !slices.Equal(got, want) {
			t.Errorf("%s and REST: %+v, want %+v", queue, got, want)
		}
	}
	if got := crosses(c, cost.SQSStandard, cost.HTTPAPI); len(got) != 0 {
		t.Errorf("SQS and HTTP API: %+v, want none: the HTTP API is cheaper at every size", got)
	}
	// With ten in a request, 192 KiB are reached by records of 20 KiB.
	if c, err = cost.DefaultBook().SizeChart(shape(1, 1, 1, 1), 10); err != nil || crosses(c, cost.SQSStandard, cost.REST)[0].X != 20 {
		t.Errorf("ten in a request: %+v, %v; want REST cheaper from 20 KiB", crosses(c, cost.SQSStandard, cost.REST), err)
	}
}

func TestFillChart(t *testing.T) {
	t.Parallel()
	c, err := cost.DefaultBook().FillChart(shape(64, 1, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := crosses(c, cost.SQSStandard, cost.REST), []cost.Cross{{X: 4, From: cost.SQSStandard, To: cost.REST}}; !slices.Equal(got, want) {
		t.Errorf("64 KiB records: %+v, want REST cheaper from 4 in a request: %+v", got, want)
	}
	if last := c.Curves[3].Points[9]; last.X != 10 || !same(last.USD, "0.221") {
		t.Errorf("HTTP API at fill 10: %+v, want $0.221", last)
	}
}

func TestVolumeChart(t *testing.T) {
	t.Parallel()
	c, err := cost.DefaultBook().VolumeChart(shape(1, 10, 10, 1))
	if err != nil {
		t.Fatal(err)
	}
	got := crosses(c, cost.SQSStandard, cost.JetStream)
	if len(got) != 1 || got[0].To != cost.JetStream || got[0].X < 425e6 || got[0].X > 425e6*1.8 {
		t.Errorf("got %+v, want the broker cheaper from the first point beyond 425 million", got)
	}
	first, last := c.Curves[0].Points[0], c.Curves[0].Points[28]
	if first.X != 1e4 || last.X != 1e11 {
		t.Errorf("from %v to %v records, want 1e4 to 1e11", first.X, last.X)
	}
}
