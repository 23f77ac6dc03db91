package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"

	"sluice/bench/result"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

// printNote is added where the stand-in took part: it is on every printed page.
const printNote = `@page { @top-center { content: "stand-in: no verdict about AWS"; font: 9pt sans-serif; } }`

var page = template.Must(template.New("page").Parse(pageHTML))

// A Section of the page.
type section struct {
	ID, Title, Lead string
	StandIn         string // what of it says nothing about AWS; empty: all of it holds
	Blocks          []block
}

// A block is one of its fields; Fold hides the others behind a line until it is clicked on, or printed.
type block struct {
	Fold  string
	Inner []block
	Grid  []figure // side by side where there is room
	Table *table
	List  []string
	Text  string
	Code  string
}

// A figure is a chart with its words, and its numbers in a table for those who want to read them.
type figure struct {
	Title, Note string
	List        []string
	SVG         template.HTML // made by package svg, which escapes every text
	Data        *table
}

// A table has its row names in the first column.
type table struct {
	Caption string
	Head    []string
	Rows    [][]td
	Wrap    bool // the last column is prose
}

// A td is a cell; Class is one of good, bad, faint, or empty.
type td struct{ Text, Class string }

func cells(texts ...string) []td {
	row := make([]td, len(texts))
	for i, t := range texts {
		row[i].Text = t
	}
	return row
}

// view is what the template sees.
type view struct {
	Title, Subtitle string
	Note            string // about the stand-in
	Partial         string
	Facts           []fact
	Sections        []section
	CSS, Print      template.CSS
	Policy          string
	Schema          string
}

type fact struct{ Name, Value string }

// HTML writes the report as one page. It holds everything it needs: its policy forbids every request, and it has no script.
// It reads the histograms of f; a damaged one is an error.
func HTML(w io.Writer, f *result.File) error {
	sections, err := sections(f)
	if err != nil {
		return err
	}
	v := view{Title: title(f), Subtitle: list(f.Transports()), Note: standInNote(f), Partial: f.Run.Partial, Schema: f.Schema,
		Facts: facts(f), Sections: sections, CSS: template.CSS(pageCSS)}
	styles := []string{pageCSS}
	if v.Note != "" {
		v.Print = printNote
		styles = append(styles, printNote)
	}
	v.Policy = policy(styles)
	var out bytes.Buffer
	if err := page.Execute(&out, v); err != nil {
		return err
	}
	_, err = w.Write(out.Bytes())
	return err
}

// policy allows the page its style sheets by their hashes, and nothing else.
func policy(styles []string) string {
	p := "default-src 'none'; style-src"
	for _, s := range styles {
		sum := sha256.Sum256([]byte(s))
		p += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return p + "; base-uri 'none'; form-action 'none'"
}

func title(f *result.File) string {
	for _, p := range pairs(f) {
		if p == (pair{"sqs", "apigateway"}) {
			return "Queue or gateway?"
		}
	}
	return "Which transport?"
}

func facts(f *result.File) []fact {
	valid, all := 0, len(f.Trials)
	for _, t := range f.Trials {
		if t.Valid {
			valid++
		}
	}
	return []fact{
		{"run", f.Run.ID}, {"started", f.Run.Started.UTC().Format("2006-01-02 15:04 UTC")}, {"took", span(f.Run.Seconds)},
		{"profile", f.Run.Profile}, {"valid trials", plural(valid, "trial") + " of " + result.Plain(float64(all))},
		{"machine", f.Env.CPU}, {"version", f.Env.Version},
	}
}

// sections makes the page from top to bottom.
func sections(f *result.File) ([]section, error) {
	latency, err := latencySection(f)
	if err != nil {
		return nil, err
	}
	all := []section{verdictSection(f)}
	for _, s := range []section{latency, loadSection(f), pairSection(f), deliverySection(f), costSection(f), clientSection(f), validitySection(f), setupSection(f)} {
		if len(s.Blocks) > 0 {
			all = append(all, s)
		}
	}
	return all, nil
}

// farEndNote marks sections whose numbers the stand-in has a part in.
func farEndNote(f *result.File) string {
	if len(standIns(f)) == 0 {
		return ""
	}
	return list(standIns(f)) + " ended in the stand-in: not AWS"
}
