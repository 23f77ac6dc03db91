package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	escaped "html"
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"sluice/bench/report"
	"sluice/bench/result"
	"sluice/bench/result/resulttest"
)

func html(t *testing.T, f *result.File) string {
	t.Helper()
	var out bytes.Buffer
	if err := report.HTML(&out, f); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestPageAllowsNothingButItsOwnStyle checks the policy against what is in the page.
func TestPageAllowsNothingButItsOwnStyle(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]*result.File{"stand-in": resulttest.Fixture(), "AWS": onAWS(resulttest.Fixture()), "empty": {}} {
		page := html(t, f)
		policy := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)
		if policy == nil {
			t.Fatalf("%s: the page has no policy", name)
		}
		want := "default-src 'none'; style-src"
		for _, style := range regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindAllStringSubmatch(page, -1) {
			sum := sha256.Sum256([]byte(style[1]))
			want += fmt.Sprintf(" 'sha256-%s'", base64.StdEncoding.EncodeToString(sum[:]))
		}
		want += "; base-uri 'none'; form-action 'none'"
		if got := unescape(policy[1]); got != want {
			t.Errorf("%s: the policy is\n%s\nwant\n%s", name, got, want)
		}
		head, _, _ := strings.Cut(page, "<style>")
		if !strings.Contains(head, "Content-Security-Policy") {
			t.Errorf("%s: the policy comes after the style that it is for", name)
		}
		for _, bad := range []string{"<script", "<link", "<img", "<iframe", "<object", "<base", "<form", " src=", " style=", "javascript:", "url(", "@import", " onclick", " onload", " onerror"} {
			if strings.Contains(strings.ToLower(page), bad) {
				t.Errorf("%s: the page has %q", name, bad)
			}
		}
		for _, href := range regexp.MustCompile(` href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
			if !strings.HasPrefix(href[1], "#") {
				t.Errorf("%s: the page leads to %q", name, href[1])
			}
		}
	}
}

func unescape(s string) string { return escaped.UnescapeString(s) }

const canary = `<script>alert("x")</script>'&amp;`

// poison puts the canary into every text of v except histograms, into the keys of maps too.
func poison(v reflect.Value, n *int) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			poison(v.Elem(), n)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() && v.Type().Field(i).Name != "HDR" {
				poison(v.Field(i), n)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			poison(v.Index(i), n)
		}
	case reflect.Map:
		poisoned := reflect.MakeMap(v.Type())
		for _, key := range v.MapKeys() {
			value := v.MapIndex(key)
			if value.Kind() == reflect.String {
				value = reflect.ValueOf(canary + value.String())
			}
			poisoned.SetMapIndex(reflect.ValueOf(canary+key.String()), value)
		}
		v.Set(poisoned)
	case reflect.String:
		*n++
		v.SetString(canary + v.String())
	}
}

// TestNothingFromTheFileIsTakenForHTML poisons whole files, and files in which what selects a panel is left as it is, so
// that the texts reach every panel.
func TestNothingFromTheFileIsTakenForHTML(t *testing.T) {
	t.Parallel()
	whole := resulttest.Fixture()
	n := 0
	poison(reflect.ValueOf(whole).Elem(), &n)
	panels := resulttest.Fixture()
	poison(reflect.ValueOf(&panels.Run).Elem(), &n)
	poison(reflect.ValueOf(&panels.Env).Elem(), &n)
	poison(reflect.ValueOf(&panels.Warnings).Elem(), &n)
	poison(reflect.ValueOf(&panels.Calibration).Elem(), &n)
	panels.Workload.Doc = canary + panels.Workload.Doc
	panels.PriceBook.Doc = canary + panels.PriceBook.Doc
	for i := range panels.Targets {
		x := &panels.Targets[i]
		x.Transport, x.Name, x.Model, x.Durability = canary+x.Transport, canary+x.Name, canary+x.Model, canary+x.Durability
	}
	for i := range panels.Trials {
		x := &panels.Trials[i]
		x.Transport = canary + x.Transport
		for j := range x.Because {
			x.Because[j] = canary + x.Because[j]
		}
		for j := range x.Phases {
			p := &x.Phases[j]
			p.Name = canary + p.Name
			poison(reflect.ValueOf(&p.Checks).Elem(), &n)
		}
		poison(reflect.ValueOf(&x.Errors).Elem(), &n)
		poison(reflect.ValueOf(&x.Faults).Elem(), &n)
	}
	for i := range panels.Comparisons {
		x := &panels.Comparisons[i]
		x.A, x.B, x.Phase, x.Text, x.StandIn = canary+x.A, canary+x.B, canary+x.Phase, canary+x.Text, false
	}
	for i := range panels.Searches {
		x := &panels.Searches[i]
		x.Transport, x.Phase, x.Because = canary+x.Transport, canary+x.Phase, canary+x.Because
	}
	if n < 500 {
		t.Fatalf("only %d texts were poisoned", n)
	}
	for name, f := range map[string]*result.File{"whole": whole, "panels": panels} {
		page := html(t, f)
		if at := strings.Index(page, "<script"); at >= 0 {
			t.Errorf("%s: a text was taken for HTML: …%s…", name, page[max(0, at-200):at+60])
		}
		if strings.Count(page, "&lt;script&gt;") < 200 {
			t.Errorf("%s: the canary is on the page %d times only", name, strings.Count(page, "&lt;script&gt;"))
		}
		wellFormed(t, name, page)
	}
}

// wellFormed reads the page as XML, once meta has an end: every tag is closed, every attribute quoted.
func wellFormed(t *testing.T, name, page string) {
	t.Helper()
	page = regexp.MustCompile(`<meta ([^>]*)>`).ReplaceAllString(page, "<meta $1/>")
	d := xml.NewDecoder(strings.NewReader(page))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			at := int(d.InputOffset())
			t.Errorf("%s: %v near …%s…", name, err, page[max(0, at-120):min(len(page), at+60)])
			return
		}
	}
}

var (
	outlined = regexp.MustCompile(`(?s)<(h1|h2|h3|caption|summary|li|p|aside)(?: [^>]*)?>(.*?)</(?:h1|h2|h3|caption|summary|li|p|aside)>`)
	tags     = regexp.MustCompile(`<[^>]*>`)
)

// outline is what a reader sees of a page who reads headings, captions and prose only.
func outline(page string) string {
	var out strings.Builder
	for _, m := range outlined.FindAllStringSubmatch(page, -1) {
		fmt.Fprintf(&out, "%s: %s\n", m[1], unescape(tags.ReplaceAllString(m[2], "")))
	}
	return out.String()
}

func TestOutlineOfThePage(t *testing.T) {
	t.Parallel()
	page := html(t, resulttest.Fixture())
	wellFormed(t, "fixture", page)
	golden(t, "outline", outline(page))
	golden(t, "outline-aws", outline(html(t, onAWS(resulttest.Fixture()))))
	if again := html(t, resulttest.Fixture()); again != page {
		t.Error("the same file gave two different pages")
	}
}

// TestPageHoldsWhatIsPromised names the panels of a report, so that none is lost unseen.
func TestPageHoldsWhatIsPromised(t *testing.T) {
	t.Parallel()
	f := resulttest.Fixture()
	page := unescape(html(t, f))
	for _, want := range []string{
		"none: stand-in", "sqs lower by", // verdicts
		"Accepted latency by percentile", "Processed latency by percentile", "Processed p99 over time", "stall from second 13", // latency
		"Accepted rate by number of senders", "Throughput by number of senders", "fitted universal scalability law", "Latency against load", "processed.p99 < 100ms", // load
		"sqs to apigateway, ratio by metric", "equivalent: within 5 %", // pairs
		"accepted, never received: LOST", "upper 95 % bound", "throttled: ThrottlingException", // delivery
		"Cost by records per request", "Cost by size of a record", "Cost by records per month", "is cheaper than", // cost
		"CPU of the sender per record", "bytes on the wire per record", "new connections", // sender
		"Little's law", "late send", "garbage collection", "pair 4, rabbitmq", "crossed trials are invalid", "null transport", // validity
		f.Run.Command, "sluice-bench report results.json", f.Workload.Doc, f.Workload.SHA256, f.Env.Kernel, f.PriceBook.ID, // set-up
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not hold %q", want)
		}
	}
}

func TestDamagedHistogramIsAnError(t *testing.T) {
	t.Parallel()
	f := resulttest.Fixture()
	f.Trials[0].Phases[0].HDR.Accept = "HISTFAAA?"
	err := report.HTML(io.Discard, f)
	if err == nil || !strings.Contains(err.Error(), "pair 1") {
		t.Errorf("got %v, want an error that says where", err)
	}
}

// TestChartsShowTheNumbers holds the table under a chart against the file.
func TestChartsShowTheNumbers(t *testing.T) {
	t.Parallel()
	f := resulttest.Fixture()
	merged := result.NewHistogram()
	for i := range f.Trials {
		if trial := &f.Trials[i]; trial.Transport == "rabbitmq" && trial.Valid {
			h, err := result.DecodeHistogram(trial.Phase("steady").HDR.Processed)
			if err != nil {
				t.Fatal(err)
			}
			merged.Merge(h)
		}
	}
	_, page, _ := strings.Cut(html(t, f), "<h3>Processed</h3>")
	row := regexp.MustCompile(`(?s)<th scope="row">rabbitmq</th>(.*?)</tr>`).FindStringSubmatch(page)
	want := result.Span(result.Millis(merged.Quantile(0.99)))
	if row == nil || !strings.Contains(row[1], ">"+want+"<") || !strings.Contains(row[1], ">20,000<") {
		t.Errorf("the row of rabbitmq is %q, want p99 %s of the 20,000 records of its five valid trials", row, want)
	}
}
