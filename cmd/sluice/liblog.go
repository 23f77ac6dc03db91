package main

import (
	"bytes"
	"io"
	"log"
	"log/slog"
)

// libraryLog takes what libraries print through the package log, of which net/http quotes up to 4 KiB of an answer that it did
// not ask for: records, and secrets. Only what stands before the first quote is passed on, for debugging.
type libraryLog struct{ to *slog.Logger }

// Write logs one message.
func (l libraryLog) Write(b []byte) (int, error) {
	said, _, quoted := bytes.Cut(bytes.TrimSpace(b), []byte{'"'})
	text := string(bytes.TrimSpace(said))
	if quoted {
		text += " …"
	}
	l.to.Debug("a library says", "line", text)
	return len(b), nil
}

// silenceLibraries keeps what libraries print off standard error, where a command speaks to people.
func silenceLibraries() { log.SetOutput(io.Discard) }

// logTo makes logger the one of the program, and of the libraries.
func logTo(logger *slog.Logger) {
	slog.SetDefault(logger)
	log.SetFlags(0)
	log.SetOutput(libraryLog{logger})
}
