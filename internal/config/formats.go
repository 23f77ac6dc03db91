package config

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// width is the number of columns of a terminal that the texts fit into.
const width = 80

// table writes for a terminal: names on the left, meaning and default on the right.
func table(chapters []chapter) string {
	var out strings.Builder
	for i, c := range chapters {
		if i > 0 {
			out.WriteByte('\n')
		}
		out.WriteString(wrapped(heading(c), "", ""))
		column := 0
		for _, e := range c.Variables {
			column = max(column, len("  ")+len(e.Name)+len("  "))
		}
		for _, e := range c.Variables {
			first := "  " + e.Name + strings.Repeat(" ", column-len("  ")-len(e.Name))
			out.WriteString(wrapped(sentence(e), first, strings.Repeat(" ", column)))
		}
	}
	return out.String()
}

// heading is the title of a chapter together with when it counts.
func heading(c chapter) string {
	if c.When == "" {
		return c.Title
	}
	return fmt.Sprintf("%s (when %s)", c.Title, c.When)
}

// sentence is the meaning of a variable together with all that is special about it.
func sentence(e entry) string {
	text := e.Meaning
	if e.File != "" {
		text += "; or set " + e.File + " to a file that holds it"
	}
	switch {
	case e.Default != "":
		text += " (default " + e.Default + ")"
	case e.Needed:
		text += " (needed)"
	}
	return text
}

// wrapped breaks a text into lines that fit the width, the first one behind first, all others behind rest. A word longer
// than a line stays whole.
func wrapped(text, first, rest string) string {
	var out strings.Builder
	line := first
	empty := true // nothing but the indent stands in line
	for word := range strings.FieldsSeq(text) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			out.WriteString(line + "\n")
			line, empty = rest, true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	return out.String() + strings.TrimRight(line, " ") + "\n"
}

// markdown writes one table per chapter.
func markdown(chapters []chapter) string {
	var out strings.Builder
	for i, c := range chapters {
		if i > 0 {
			out.WriteByte('\n')
		}
		fmt.Fprintf(&out, "## %s\n\n", c.Title)
		if c.When != "" {
			fmt.Fprintf(&out, "Used when %s.\n\n", code(c.When))
		}
		out.WriteString("| Variable | Default | Meaning |\n|---|---|---|\n")
		for _, e := range c.Variables {
			name, fallback := "`"+e.Name+"`", ""
			if e.File != "" {
				name += " or `" + e.File + "`"
			}
			switch {
			case e.Default != "":
				fallback = "`" + e.Default + "`"
			case e.Needed:
				fallback = "**needed**"
			}
			meaning := e.Meaning
			if e.Type == "secret" {
				meaning += " (secret)"
			}
			fmt.Fprintf(&out, "| %s | %s | %s |\n", name, cell(fallback), cell(meaning))
		}
	}
	return out.String()
}

// code sets an assignment such as SLUICE_SOURCE=http in a code face and leaves all else as it is.
func code(when string) string {
	words := strings.Fields(when)
	for i, word := range words {
		if bare := strings.TrimRight(word, ",;."); strings.Contains(bare, "=") {
			words[i] = "`" + bare + "`" + word[len(bare):]
		}
	}
	return strings.Join(words, " ")
}

// cell makes text fit for a cell of a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "\n", " ").Replace(text)
}

// dotenv writes a sample that LoadEnvFile reads: every variable as a comment with its default, the needed ones first.
func dotenv(chapters []chapter) string {
	var out strings.Builder
	out.WriteString(wrapped("All settings of Sluice. Save this as .env, take the # away from the lines you need, and start "+
		"with: sluice run --env-file .env", "# ", "# "))
	out.WriteString("# Lines show the defaults. [needed] marks what has no default and must be set.\n")
	for _, c := range chapters {
		out.WriteString("\n" + wrapped("==== "+heading(c)+" ====", "# ", "# "))
		for _, needed := range []bool{true, false} {
			for _, e := range c.Variables {
				if e.Needed == needed {
					out.WriteString("\n" + wrapped(remark(e), "# ", "# "))
					fmt.Fprintf(&out, "#%s=%s\n", e.Name, quoted(e.Default))
				}
			}
		}
	}
	return out.String()
}

// remark is the comment above a line of the sample.
func remark(e entry) string {
	text := e.Meaning
	if e.File != "" {
		text += "; better: set " + e.File + " to a file that holds it"
	}
	if e.Needed {
		text = "[needed] " + text
	}
	return text
}

// quoted writes a value so that LoadEnvFile reads the same.
func quoted(value string) string {
	if !strings.ContainsAny(value, " \t\r\n#\"'\\") {
		return value
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(value) + `"`
}
