package result

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Histogram keeps latencies from a microsecond to ten minutes with three significant digits. Not safe for concurrent use.
type Histogram struct {
	hdr      *hdrhistogram.Histogram
	negative int
}

const (
	shortest = int64(time.Microsecond)
	longest  = int64(10 * time.Minute)
	digits   = 3
	beyond   = 10 // samples that have to lie beyond a quantile for it to be given
)

// NewHistogram returns an empty Histogram.
func NewHistogram() *Histogram { return &Histogram{hdr: hdrhistogram.New(shortest, longest, digits)} }

// Record adds a sample. One below zero is kept as the shortest and counted; none is dropped.
func (h *Histogram) Record(d time.Duration) {
	if d < 0 {
		h.negative++
	}
	_ = h.hdr.RecordValue(min(max(int64(d), shortest), longest))
}

// Merge adds the samples of other.
func (h *Histogram) Merge(other *Histogram) {
	h.hdr.Merge(other.hdr)
	h.negative += other.negative
}

// N is the number of samples.
func (h *Histogram) N() int64 { return h.hdr.TotalCount() }

// Negative is the number of samples that were below zero.
func (h *Histogram) Negative() int { return h.negative }

// Quantile returns the sample at q, from 0 to 1, whether or not there are samples enough.
func (h *Histogram) Quantile(q float64) time.Duration {
	return time.Duration(h.hdr.ValueAtQuantile(q * 100))
}

// Mean returns the mean of the samples.
func (h *Histogram) Mean() time.Duration { return time.Duration(h.hdr.Mean()) }

// Above returns the share of samples above d.
func (h *Histogram) Above(d time.Duration) float64 {
	if h.N() == 0 {
		return 0
	}
	var n int64
	for _, bar := range h.hdr.Distribution() {
		if bar.From > int64(d) {
			n += bar.Count
		}
	}
	return float64(n) / float64(h.N())
}

// Summary sums the samples up.
func (h *Histogram) Summary() Summary {
	s := Summary{N: h.N()}
	if s.N == 0 {
		return s
	}
	quantile := func(q float64) *float64 {
		if float64(s.N)*(1-q) < beyond-1e-6 {
			return nil
		}
		ms := Millis(h.Quantile(q))
		return &ms
	}
	s.Mean, s.Max = Millis(h.Mean()), Millis(time.Duration(h.hdr.Max()))
	s.P50, s.P90, s.P99, s.P999 = quantile(0.50), quantile(0.90), quantile(0.99), quantile(0.999)
	return s
}

// Encode returns the histogram as text, for HDR.
func (h *Histogram) Encode() (string, error) {
	b, err := h.hdr.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	return string(b), err
}

// DecodeHistogram reads what Encode has written. The empty text is an empty Histogram.
func DecodeHistogram(text string) (*Histogram, error) {
	if text == "" {
		return NewHistogram(), nil
	}
	h, err := hdrhistogram.Decode([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("read a histogram: %w", err)
	}
	return &Histogram{hdr: h}, nil
}

// Millis returns d in milliseconds.
func Millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
