package cost_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/bench/cost"
)

func TestDefaultBook(t *testing.T) {
	t.Parallel()
	b := cost.DefaultBook()
	if b.ID != cost.DefaultID || b.Region != "us-east-1" || b.Retrieved != "2026-11-20" {
		t.Errorf("got %q, %q, %q", b.ID, b.Region, b.Retrieved)
	}
	want := map[string]string{
		"sqs_standard": "0.4 0.3 0.24", "sqs_fifo": "0.5", "apigateway_rest": "3.5 2.8 2.38 1.51", "apigateway_http": "1 0.9",
		"lambda_requests": "0.2", "lambda_gb_seconds_x86": "16.6667", "lambda_gb_seconds_arm": "13.3334",
	}
	for _, l := range b.Lines() {
		if got := tiers(l); got != want[l.Name] {
			t.Errorf("%s: %s, want %s", l.Name, got, want[l.Name])
		}
		if l.Source == "" || l.Unit == "" {
			t.Errorf("%s has no source or no unit", l.Name)
		}
		delete(want, l.Name)
	}
	if len(want) > 0 {
		t.Errorf("lines that are missing: %v", want)
	}
}

func TestLoadBook(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "prices.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(cost.DefaultBook().Doc(), "per_million: 0.50", "per_million: 0.45")), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := cost.LoadBook(file)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := b.Price(cost.SQSFIFO, cost.Units{Send: 1e6}); err != nil || !near(c.USD, 0.45) {
		t.Errorf("a changed price: $%v, %v; want $0.45", c.USD, err)
	}
	for _, name := range []string{"", cost.DefaultID} {
		if b, err := cost.LoadBook(name); err != nil || b.ID != cost.DefaultID {
			t.Errorf("%q: %v, %v; want the built-in book", name, b, err)
		}
	}
	for _, name := range []string{dir, filepath.Join(dir, "none.yaml")} {
		if _, err := cost.LoadBook(name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want an error that names it", name, err)
		}
	}
}

func TestBookWithMistakes(t *testing.T) {
	t.Parallel()
	good := cost.DefaultBook().Doc()
	lineOf := func(doc, part string) string {
		before, _, found := strings.Cut(doc, part)
		if !found {
			t.Fatalf("%q is not in the book", part)
		}
		return "line " + itoa(1+strings.Count(before, "\n")) + ":"
	}
	tests := []struct {
		name, old, new string
		want           []string // besides the line of new
	}{
		{"unknown key", "region:", "regoin:", []string{`has no key "regoin"`, `"region" is missing`}},
		{"unknown line", "sqs_fifo:", "sqs_fair:", []string{`no key "sqs_fair"`, `"sqs_fifo" is missing`}},
		{"negative price", "per_million: 0.50", "per_million: -0.50", []string{"-0.50, want a finite number from 0"}},
		{"infinite price", "per_million: 0.50", "per_million: .inf", []string{"finite"}},
		{"price in words", "per_million: 0.50", "per_million: cheap", []string{`"cheap", want a number`}},
		{"unordered tiers", "up_to: 200e9", "up_to: 50e9", []string{"sqs_standard", "tiers must rise"}},
		{"last tier ends", "{per_million: 0.24}", "{up_to: 300e9, per_million: 0.24}", []string{"every volume needs a price"}},
		{"a tier hides the next", "{up_to: 200e9, per_million: 0.30}", "{per_million: 0.30}", []string{"hides the tiers after it"}},
		{"no tier", "    tiers:\n      - {per_million: 0.20}", "    tiers: []", []string{"lambda_requests: tiers is not a list"}},
		{"the same line twice", "  sqs_fifo:", "  sqs_standard:", []string{`"sqs_standard" is there twice`}},
		{"another version", "book: 1", "book: 2", []string{`version "2", want 1`}},
		{"not a day", "2026-11-20", "last week", []string{`"last week", want a day`}},
		{"host without a price", "    per_month: 60\n", "", []string{`"per_month" is missing`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			doc := strings.Replace(good, test.old, test.new, 1)
			_, err := cost.ParseBook([]byte(doc))
			if err == nil {
				t.Fatal("no error")
			}
			if test.new != "" && test.new != "  sqs_standard:" {
				test.want = append(test.want, lineOf(doc, test.new))
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to say %q", err, want)
				}
			}
		})
	}
	both := strings.NewReplacer("per_million: 0.50", "per_million: -1", "region:", "regoin:").Replace(good)
	if _, err := cost.ParseBook([]byte(both)); err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("two mistakes: got %v, want all three sentences about them", err)
	}
	for name, doc := range map[string]string{
		"empty": "", "a comment": "# nothing\n", "a list": "- 1\n", "two documents": good + "---\n" + good, "not YAML": "a: [", "huge": strings.Repeat("#", 1<<20+1),
		"an alias": "x: &a {book: 1}\nbook: 1\nid: *a\n",
	} {
		if _, err := cost.ParseBook([]byte(doc)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzParseBook(f *testing.F) {
	f.Add([]byte(cost.DefaultBook().Doc()))
	f.Add([]byte("book: 1\nlines: {sqs_fifo: {tiers: [{}]}}\n"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		b, err := cost.ParseBook(doc)
		if err != nil {
			return
		}
		// Whatever is accepted has a price for every volume.
		for _, o := range cost.Options() {
			c, err := b.Monthly(o, cost.Shape{KiB: 1, SendFill: 1, ReceiveFill: 1, PostFill: 1}, 1e12)
			if err != nil || !(c.USD >= 0) {
				t.Errorf("%s: %+v, %v", o, c, err)
			}
		}
	})
}
