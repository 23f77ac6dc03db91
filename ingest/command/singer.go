package command

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"sluice/ingest"
	"sluice/ingest/format"
)

// maxTypes bounds the unknown types of messages that are told of in one run.
const maxTypes = 10

// A tap reads the messages of the Singer specification, version 0.3.0.
type tap struct {
	stream string // of which the records are wanted; empty: of all
	told   map[string]bool
	note   func(string)
}

// A message is what a line says: an item, a mark, or neither.
type message struct {
	item []byte
	mark string
}

// read reads one line. Its error is for a line that is none of the protocol, or that cannot be obeyed.
func (t *tap) read(line []byte) (message, error) {
	if !gjson.ValidBytes(line) {
		return message{}, errors.New("this is not JSON; a tap prints Singer messages on standard output, and everything else on standard error")
	}
	var kind, stream, record, value gjson.Result
	gjson.ParseBytes(line).ForEach(func(name, v gjson.Result) bool {
		switch name.Str {
		case "type":
			kind = v
		case "stream":
			stream = v
		case "record":
			record = v
		case "value":
			value = v
		}
		return true
	})
	if kind.Type != gjson.String {
		return message{}, errors.New("this is no Singer message: it has no type")
	}
	switch name := strings.ToUpper(kind.Str); name { // the specification: types are interpreted case-insensitively
	case "RECORD":
		return t.record(stream, record)
	case "STATE":
		return state(value)
	case "SCHEMA", "ACTIVATE_VERSION": // shapes and replaces tables; a record is delivered whatever they say
	case "BATCH":
		return message{}, errors.New("this BATCH message leads to records in files, which are not read; turn batches off in the configuration of the tap (batch_config)")
	default:
		t.unknown(name)
	}
	return message{}, nil
}

// record makes the item of a RECORD: the record's own bytes, within an object that names its stream unless only one is
// wanted. What differs from run to run (time_extracted, version) is left out, or each run would make new records.
func (t *tap) record(stream, record gjson.Result) (message, error) {
	switch {
	case stream.Type != gjson.String || stream.Str == "":
		return message{}, errors.New("this RECORD names no stream")
	case !record.IsObject():
		return message{}, errors.New("this RECORD has no object as record")
	case t.stream == "":
		return message{item: fmt.Appendf(nil, `{"stream":%s,"record":%s}`, stream.Raw, record.Raw)}, nil
	case t.stream == stream.Str:
		return message{item: []byte(record.Raw)}, nil
	}
	return message{}, nil
}

// state makes the mark of a STATE, byte for byte.
func state(value gjson.Result) (message, error) {
	switch {
	case !value.Exists():
		return message{}, errors.New("this STATE has no value")
	case !utf8.ValidString(value.Raw):
		return message{}, errors.New("this STATE is not valid UTF-8")
	case value.Type == gjson.Null:
		return message{}, nil // the tap remembers nothing yet
	}
	return message{mark: value.Raw}, nil
}

// unknown tells of each unknown type once.
func (t *tap) unknown(name string) {
	if t.told[name] || len(t.told) >= maxTypes {
		return
	}
	if t.told == nil {
		t.told = map[string]bool{}
	}
	t.told[name] = true
	t.note(fmt.Sprintf("messages of type %q are not known and left out", ingest.OneLine(name, 60)))
}

// cut is read for a line that is longer than may be held, of which item has the beginning. A record of that length goes to
// the dead letters; anything else cannot be done without.
func (t *tap) cut(item format.Item) (message, error) {
	switch strings.ToUpper(gjson.GetBytes(item.Data, "type").Str) {
	case "RECORD":
		return message{item: item.Data}, nil
	case "SCHEMA":
		return message{}, nil
	}
	return message{}, fmt.Errorf("%w, and this is no RECORD; raise SLUICE_COMMAND_MAX_RECORD_BYTES", item.Bad)
}

// plain reads a line of a program that prints JSON lines: a mark, or an item.
func plain(line []byte) (message, error) {
	if !startsMark(line) {
		return message{item: line}, nil
	}
	all := gjson.ParseBytes(line).Map()
	mark := all[markName]
	switch {
	case !gjson.ValidBytes(line) || len(all) != 1 || mark.Type != gjson.String || mark.Str == "":
		return message{}, fmt.Errorf(`this line has %q as its first name, and is not of the form {%q:"text"}`, markName, markName)
	case len(mark.Str) > maxMark:
		return message{}, fmt.Errorf("this cursor has %d bytes, at most %d are allowed", len(mark.Str), maxMark)
	case strings.ContainsRune(mark.Str, 0) || strings.ContainsRune(mark.Str, utf8.RuneError) || !utf8.ValidString(mark.Str):
		return message{}, errors.New("this cursor has a character that no text may have")
	}
	return message{mark: mark.Str}, nil
}

// markName is what the only name in a line is called that is a mark.
const markName = "sluice_cursor"

// maxMark bounds such a mark; longer than 128 KiB none could stand in a variable (Linux: MAX_ARG_STRLEN).
const maxMark = 64 << 10

// startsMark reports whether line is an object whose first name is markName.
func startsMark(line []byte) bool {
	rest, object := strings.CutPrefix(strings.TrimLeft(string(line[:min(len(line), 200)]), " \t\r"), "{")
	return object && strings.HasPrefix(strings.TrimLeft(rest, " \t\r"), `"`+markName+`"`)
}
