package telemetry

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sanitize makes a text from elsewhere fit to be shown: one line of valid UTF-8, at most most bytes long, without control
// characters and without those that change the direction of what stands around them. Runs of what is taken out become one
// space; "..." stands for what is cut off.
func Sanitize(text string, most int) string {
	var out strings.Builder
	gap := false
	for _, c := range text { // bytes that are not UTF-8 come as U+FFFD
		if unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) || c == '\u2028' || c == '\u2029' {
			gap = out.Len() > 0
			continue
		}
		if gap {
			out.WriteByte(' ')
			gap = false
		}
		out.WriteRune(c)
		if out.Len() > most { // no need to look at a megabyte of error page
			break
		}
	}
	clean := out.String()
	if len(clean) <= most {
		return clean
	}
	const dots = "..."
	end := max(0, most-len(dots))
	for end > 0 && !utf8.RuneStart(clean[end]) {
		end--
	}
	return clean[:end] + dots[:min(len(dots), most)]
}
