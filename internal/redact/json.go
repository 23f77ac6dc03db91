package redact

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"

	"sluice/internal/secret"
)

// JSON redacts one or more JSON values: what stands under names that sound like secrets, whole objects too, and known secrets
// in any string, however it is escaped. All else stays byte for byte. What is cut off or is no JSON is redacted as far as names
// and values can be told in it.
func (r *Redactor) JSON(data []byte) []byte {
	if rest, marked := bytes.CutPrefix(data, mark); marked {
		return append(bytes.Clone(mark), r.document(rest, 0)...)
	}
	return r.document(data, 0)
}

// mark is the byte order mark.
var mark = []byte("\ufeff")

// maxInner is how deep JSON may stand in strings of JSON and still be looked into.
const maxInner = 3

// A level is an object or an array that is being read.
type level struct {
	object bool
	name   bool // the next string is the name of a field
	secret bool // what stands here is a secret
	under  bool // the value that comes next is a secret, because of its name
}

func (r *Redactor) document(data []byte, inner int) []byte {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var out bytes.Buffer
	copied := int64(0) // bytes of data that are in out
	levels := []level{{}}
	for {
		before := dec.InputOffset()
		token, err := dec.Token()
		at := &levels[len(levels)-1]
		if errors.Is(err, io.EOF) && len(levels) == 1 {
			out.Write(data[copied:])
			return out.Bytes()
		}
		if err != nil {
			if at.secret || at.under {
				return append(out.Bytes(), data[copied:before]...) // what follows is part of a secret
			}
			return append(out.Bytes(), r.broken(string(data[copied:]))...)
		}
		hide := at.secret || at.under
		if delim, ok := token.(json.Delim); ok {
			switch delim {
			case '{', '[':
				at.value()
				levels = append(levels, level{object: delim == '{', name: delim == '{', secret: hide})
			default:
				levels = levels[:len(levels)-1]
			}
			continue
		}
		shown := token
		if name, ok := token.(string); ok && at.name {
			at.name, at.under = false, secret.Field(name)
			shown = r.known(name)
		} else {
			at.value()
			shown = r.scalar(token, hide, inner)
		}
		if shown == token {
			continue
		}
		end := dec.InputOffset()
		start := before + int64(len(data[before:end])-len(bytes.TrimLeft(data[before:end], " \t\r\n:,")))
		out.Write(data[copied:start])
		text, _ := shown.(string)
		out.Write(quote(text))
		copied = end
	}
}

// value notes that a value has come.
func (l *level) value() { l.name, l.under = l.object, false }

// scalar returns what is shown of a string, a number, a boolean or null: a string in its place, or itself.
func (r *Redactor) scalar(token json.Token, hide bool, inner int) json.Token {
	switch v := token.(type) {
	case string:
		if hide {
			return r.learn(v, leastFound)
		}
		if trimmed := strings.TrimLeft(v, " \t\r\n"); inner < maxInner && trimmed != "" && strings.Contains("{[", trimmed[:1]) {
			return string(r.document([]byte(v), inner+1))
		}
		return r.Text(v)
	case json.Number:
		if hide {
			return r.learn(v.String(), leastFound)
		}
		if shown := r.known(v.String()); shown != v.String() {
			return shown
		}
	}
	return token
}

// quote writes a string as JSON.
func quote(text string) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text) // a string can always be written
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// pair matches a name and the beginning of its value, to the end of a string or of a word.
var pair = regexp.MustCompile(`"([^"\\]{1,100})"(\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s",{}\[\]]+)`)

// broken redacts what is no JSON, or only the beginning of it.
func (r *Redactor) broken(text string) string {
	text = pair.ReplaceAllStringFunc(text, func(found string) string {
		m := pair.FindStringSubmatch(found)
		if !secret.Field(m[1]) {
			return found
		}
		return `"` + m[1] + `"` + m[2] + `"` + r.learn(strings.Trim(m[3], `"`), leastFound) + `"`
	})
	return r.Text(text)
}
