package telemetry

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/lmittmann/tint"
	"golang.org/x/term"
)

// NewLogger returns a logger that writes to w. Format is "json", "text", or anything else for text on a terminal and JSON
// elsewhere. Text has colours on a terminal, unless the environment says NO_COLOR. Pass a *slog.LevelVar to change the
// level later. No value that is logged brings control characters along, or those that change the direction of text: they could
// rewrite a terminal, where JSON is read too.
func NewLogger(w io.Writer, level slog.Leveler, format string) *slog.Logger {
	tty := terminal(w)
	if format == "json" || format != "text" && !tty {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: cleanJSON}))
	}
	return slog.New(textHandler(w, level, tty && os.Getenv("NO_COLOR") == ""))
}

func textHandler(w io.Writer, level slog.Leveler, colour bool) slog.Handler {
	return tint.NewTextHandler(w, &tint.Options{Level: level, TimeFormat: "2006-01-02 15:04:05.000", NoColor: !colour, ReplaceAttr: clean})
}

// terminal reports whether somebody sees what is written to w as it comes.
func terminal(w io.Writer) bool {
	if o, ok := w.(*Outlet); ok {
		w = o.to
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// maxLogged is the most bytes of one value in a line of text.
const maxLogged = 4096

// cleanJSON makes a text fit for a terminal. JSON itself escapes only what is below the space.
func cleanJSON(groups []string, a slog.Attr) slog.Attr {
	if _, isError := a.Value.Any().(error); isError || a.Value.Kind() == slog.KindString {
		return clean(groups, a)
	}
	return a
}

// clean makes a value fit for a terminal. tint passes escape sequences on to it.
func clean(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(Sanitize(a.Value.String(), maxLogged))
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case slog.Level, *slog.Source: // tint draws them itself
		case error:
			a.Value = slog.StringValue(Sanitize(v.Error(), maxLogged))
		default:
			a.Value = slog.StringValue(Sanitize(fmt.Sprintf("%+v", v), maxLogged))
		}
	}
	return a
}
