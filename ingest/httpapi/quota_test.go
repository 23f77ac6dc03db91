package httpapi

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

func TestHeadersThatTellALimit(t *testing.T) {
	t.Parallel()
	date := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	in := func(d time.Duration) int64 { return date.Add(d).Unix() }
	nothing := telling{-1, -1, -1}
	for _, tc := range []struct {
		name    string
		headers [][2]string
		want    telling
	}{
		{"none", nil, nothing},
		{"GitHub: seconds since 1970", [][2]string{{"X-RateLimit-Limit", "5000"}, {"X-RateLimit-Remaining", "4987"}, {"X-RateLimit-Reset", fmt.Sprint(in(30 * time.Minute))}}, telling{5000, 4987, 30 * time.Minute}},
		{"milliseconds since 1970", [][2]string{{"X-RateLimit-Limit", "10"}, {"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", fmt.Sprint(in(time.Minute)*1000 + 500)}}, telling{10, 0, 60*time.Second + 500*time.Millisecond}},
		{"seconds to go", [][2]string{{"X-RateLimit-Limit", "10"}, {"X-RateLimit-Remaining", "3"}, {"X-RateLimit-Reset", "42"}}, telling{10, 3, 42 * time.Second}},
		{"the other spelling", [][2]string{{"X-Rate-Limit-Limit", "15"}, {"X-Rate-Limit-Remaining", "14"}, {"X-Rate-Limit-Reset", fmt.Sprint(in(15 * time.Minute))}}, telling{15, 14, 15 * time.Minute}},
		{"a moment that has passed", [][2]string{{"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", fmt.Sprint(in(-time.Hour))}}, telling{-1, 0, 0}},
		{"a date", [][2]string{{"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", date.Add(time.Minute).Format(http.TimeFormat)}}, telling{-1, 0, time.Minute}},
		{"another form of date", [][2]string{{"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", "2026-03-01T12:00:05Z"}}, telling{-1, 0, 5 * time.Second}},
		{"without an end", [][2]string{{"X-RateLimit-Remaining", "0"}}, telling{-1, 0, -1}},
		{"an end in no known form", [][2]string{{"X-RateLimit-Remaining", "7"}, {"X-RateLimit-Reset", "soon"}}, telling{-1, 7, -1}},
		{"below zero", [][2]string{{"X-RateLimit-Remaining", "-3"}, {"X-RateLimit-Reset", "5"}}, telling{-1, 0, 5 * time.Second}},
		{"a gateway without a limit", [][2]string{{"X-RateLimit-Limit", "-1"}, {"X-RateLimit-Remaining", "-1"}, {"X-RateLimit-Reset", "0"}}, nothing},
		{"another without one", [][2]string{{"X-RateLimit-Limit", "0"}, {"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", "0"}}, nothing},
		{"no number", [][2]string{{"X-RateLimit-Remaining", "many"}, {"X-RateLimit-Limit", "5"}}, nothing},
		{"first drafts", [][2]string{{"RateLimit-Limit", "100, 100;w=60"}, {"RateLimit-Remaining", "50"}, {"RateLimit-Reset", "30"}}, telling{100, 50, 30 * time.Second}},
		{"draft 7", [][2]string{{"RateLimit", "limit=100, remaining=50, reset=30"}, {"RateLimit-Policy", "100;w=60"}}, telling{100, 50, 30 * time.Second}},
		{"draft 8", [][2]string{{"RateLimit", `"default";r=50;t=30`}, {"RateLimit-Policy", `"default";q=100;w=60`}}, telling{100, 50, 30 * time.Second}},
		{"draft 8, two policies", [][2]string{{"RateLimit", `"burst";r=9;t=1, "daily";r=0;t=3600`}, {"RateLimit-Policy", `"burst";q=10;w=1,"daily";q=1000;w=86400`}}, telling{1000, 0, time.Hour}},
		{"draft 8, nothing left of either", [][2]string{{"RateLimit", `"daily";r=0;t=3600`}, {"RateLimit", `"burst";r=0;t=1`}}, telling{-1, 0, time.Hour}},
		{"the standard before the custom", [][2]string{{"RateLimit", `"d";r=1;t=2`}, {"X-RateLimit-Remaining", "99"}}, telling{-1, 1, 2 * time.Second}},
		{"garbage before the custom", [][2]string{{"RateLimit", `;;=,"`}, {"X-RateLimit-Remaining", "99"}}, telling{-1, 99, -1}},
		{"an end beyond all time", [][2]string{{"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", "9e300"}}, telling{-1, 0, 1<<62 - 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := http.Header{"Date": {date.Format(http.TimeFormat)}}
			for _, pair := range tc.headers {
				h.Add(pair[0], pair[1])
			}
			got := readTelling(h)
			if d := got.reset - tc.want.reset; got.limit != tc.want.limit || got.remaining != tc.want.remaining || d.Abs() > time.Millisecond {
				t.Errorf("readTelling = %+v, want %+v", got, tc.want)
			}
		})
	}
}

func FuzzHeadersThatTellALimit(f *testing.F) {
	f.Add(`"default";r=50;t=30`, `"default";q=100;w=60`, "1", "2")
	f.Add("limit=100, remaining=50, reset=30", "", "-1", "9e300")
	f.Add("", "", "0", "1772366400000")
	f.Fuzz(func(t *testing.T, text, policy, remaining, reset string) {
		h := http.Header{"Ratelimit": {text}, "Ratelimit-Policy": {policy}, "X-Ratelimit-Remaining": {remaining}, "X-Ratelimit-Reset": {reset}}
		got := readTelling(h)
		if got.limit < -1 || got.remaining < -1 || got.reset < -1 || time.Now().Add(got.reset).Before(time.Now().Add(-time.Second)) {
			t.Errorf("readTelling(%q) = %+v, want nothing below -1 and no overflow", h, got)
		}
	})
}

func TestRate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Rate{
		"": {}, " 5000/1h ": {5000, time.Hour}, "10/s": {10, time.Second}, "10 / 1.5s": {10, 1500 * time.Millisecond}, "1/168h": {1, 168 * time.Hour},
	} {
		var r, back Rate
		if err := r.Decode(text); err != nil || r != want {
			t.Errorf("Decode(%q) = %v, %v; want %v", text, r, err, want)
		}
		if err := back.Decode(r.String()); err != nil || back != r {
			t.Errorf("Decode(%q) = %v, %v; want what it was written from", r.String(), back, err)
		}
	}
	for _, text := range []string{"5000", "/1h", "0/1h", "-1/1h", "5000/", "5000/0s", "5000/-1h", "5000/1", "1.5/1s", "1000001/1h", "1/169h", "1/1h/1h", "x"} {
		var r Rate
		if err := r.Decode(text); err == nil || r != (Rate{}) {
			t.Errorf("Decode(%q) = %v, %v; want an error", text, r, err)
		}
	}
}
