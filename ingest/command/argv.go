package command

import (
	"encoding/json"
	"errors"
	"strings"

	"sluice/internal/secret"
)

// The places in an argument that are filled with the mark.
const (
	placeCursor = "{cursor}" // its text
	placeState  = "{state}"  // the name of a file that holds it
)

// An Argv is a program with its arguments. No shell ever sees it.
type Argv struct {
	words []string
	bad   error
}

// NewArgv returns the Argv of these words.
func NewArgv(words ...string) Argv { return Argv{words: words} }

// Decode takes the words from an environment variable: a JSON array of strings, or words separated by spaces, with quotes.
// What is wrong is kept for Validate, because the error of a Decode would print the value.
func (a *Argv) Decode(text string) error {
	*a = Argv{}
	if text = strings.TrimSpace(text); strings.HasPrefix(text, "[") {
		if json.Unmarshal([]byte(text), &a.words) != nil {
			a.bad = errors.New(`ARGV begins with [ and is no JSON array of strings, such as ["tap-github", "--config", "config.json"]`)
		}
		return nil
	}
	a.words, a.bad = split(text)
	return nil
}

// split cuts a text into words as a shell does with quotes and backslashes, and does nothing else that a shell does: single
// quotes keep all, and in double quotes a backslash takes the meaning of a quote or a backslash away.
func split(text string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote byte
	inWord := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(text) && (quote == 0 || text[i+1] == '"' || text[i+1] == '\\'):
			i++
			word.WriteByte(text[i])
			inWord = true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteByte(c)
		case c == '\'' || c == '"':
			quote, inWord = c, true
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, errors.New("ARGV has a quote that is not closed")
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

// has reports whether an argument has the place in it.
func (a Argv) has(place string) bool {
	for _, word := range a.words {
		if strings.Contains(word, place) {
			return true
		}
	}
	return false
}

// fill returns the words with the mark and its file in their places. Where there is no mark, a word with a place in it is
// left out, and with a word that is nothing but the place the flag before it.
func (a Argv) fill(mark, file string) []string {
	var out []string
	for i, word := range a.words {
		if mark != "" {
			out = append(out, strings.NewReplacer(placeCursor, mark, placeState, file).Replace(word))
			continue
		}
		alone := word == placeCursor || word == placeState
		if alone && i > 1 && strings.HasPrefix(a.words[i-1], "-") && len(out) > 0 && out[len(out)-1] == a.words[i-1] {
			out = out[:len(out)-1]
		}
		if !strings.Contains(word, placeCursor) && !strings.Contains(word, placeState) {
			out = append(out, word)
		}
	}
	return out
}

// secrets lists the arguments that sound like secrets: --token x, --password=x. public are all the others, and the flags.
func (a Argv) secrets() (secrets, public []string) {
	hidden := false // the word before was such a flag
	for _, word := range a.words {
		flag, value, given := strings.Cut(word, "=")
		sounds := strings.HasPrefix(word, "-") && secret.Flag(flag)
		switch {
		case hidden && !strings.HasPrefix(word, "-"):
			secrets = append(secrets, word)
		case sounds && given:
			secrets, public = append(secrets, value), append(public, flag)
		default:
			public = append(public, word)
		}
		hidden = sounds && !given
	}
	return secrets, public
}
