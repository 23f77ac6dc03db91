package config

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"sluice/internal/netaddr"
	"sluice/internal/secret"
)

// Core is what the daemon needs whatever the source and the transport: prefix SLUICE.
type Core struct {
	Source    string `split_words:"true" default:"http" desc:"where records come from: http (an API), file (files that grow), command (a program that prints them, Singer taps too), s3 (objects of a bucket), or sql (a table of PostgreSQL)"`
	Transport string `split_words:"true" default:"sqs" desc:"how records travel: sqs, apigateway, jetstream, rabbitmq, or memory, which keeps nothing and is for trying out a source"`
	Stream    string `split_words:"true" desc:"name of the stream of records, part of every record's ID; unset: derived from the address of the source"`

	Filter     string        `desc:"program of jq: a record of the source passes if its first output is true, else it is left out; unset: all pass"`
	FilterFile string        `split_words:"true" desc:"file with that program, instead of FILTER"`
	Map        string        `desc:"program of jq that makes the records to deliver, one of each output; unset: records travel byte for byte"`
	MapFile    string        `split_words:"true" desc:"file with that program, instead of MAP"`
	MapTimeout time.Duration `split_words:"true" default:"1s" desc:"time for all programs of jq on one record; one that takes longer is set aside"`

	RecordID      string `split_words:"true" desc:"path of the value in a record that names it (a record without it is set aside): one of gjson, or jq: and a program; unset: the content names it"`
	RecordKey     string `split_words:"true" desc:"path of the value in a record that groups it with others, as message group (a record without it is set aside): one of gjson, or jq: and a program; unset: no groups"`
	RecordHeaders string `split_words:"true" desc:"values of a record that travel beside it, as Name=path, at most 8, separated by commas or line breaks, such as Type=kind,Site=jq:.site.id; a record without the value travels without the header"`

	Order      string `split_words:"true" default:"none" desc:"key: of each SLUICE_RECORD_KEY the records are delivered in the order of the source, one at a time, and one batch after the other (SLUICE_INFLIGHT has no effect); none: in any order"`
	SchemaFile string `split_words:"true" desc:"file with a JSON Schema (draft-04 unless it says otherwise) that every record must satisfy to be delivered; unset: no check"`

	StateDir  string `split_words:"true" default:"sluice-state" desc:"folder of the checkpoint and the dead letters; unset under systemd: the unit's STATE_DIRECTORY"`
	AdminAddr string `split_words:"true" default:"127.0.0.1:9090" desc:"address of health, metrics and status page; off: none. One that other machines reach needs ADMIN_TOKEN"`

	AdminToken secret.Value `split_words:"true" desc:"what who asks the admin port has to show, as bearer token or as password of any user; /healthz asks for nothing. At least 16 characters"`

	Inflight        int           `split_words:"true" default:"4" desc:"batches being delivered at once; they bound the memory: at most (INFLIGHT + 3) × the largest batch (http: SLUICE_HTTP_MAX_PAGE_BYTES; file: 8 MiB + 6 × SLUICE_FILE_MAX_RECORD_BYTES) + 64 MiB"`
	Concurrency     int           `split_words:"true" default:"16" desc:"requests to the destination at once, over all batches; throttling and long answers lower it for a while"`
	RateLimit       float64       `split_words:"true" default:"0" desc:"most requests per second to the destination; 0: no limit"`
	ShutdownTimeout time.Duration `split_words:"true" default:"25s" desc:"time for what is in flight when asked to stop; keep it under the time after which the supervisor kills (30s on ECS)"`
	LockWait        time.Duration `split_words:"true" default:"60s" desc:"time to wait at the start for another daemon that still holds the checkpoint, as during a rolling deployment; run --once does not wait"`

	DeadletterMaxBytes   int64   `split_words:"true" default:"1073741824" desc:"most bytes of dead letters in the state folder; when it is reached delivery pauses until some are sent again or dropped"`
	DeadletterMaxPercent float64 `split_words:"true" default:"5" desc:"share of the last 1,000 records that may be refused before delivery pauses, because so many point at the destination or the settings; 100: never pause"`
	RequireHealthy       bool    `split_words:"true" default:"false" desc:"end with exit code 69 if source or destination cannot be used at the start, instead of waiting until they can"`

	LogLevel  string `split_words:"true" default:"info" desc:"least level that is logged: debug, info, warn or error"`
	LogFormat string `split_words:"true" default:"auto" desc:"json, text, or auto: text on a terminal and json elsewhere"`
}

// AdminOff as AdminAddr switches the admin port off.
const AdminOff = "off"

// The values of Order.
const (
	OrderNone = "none"
	OrderKey  = "key"
)

// complete uses the state folder that systemd has made for the unit.
func (c *Core) complete(getenv func(string) string) {
	if folder, _, _ := strings.Cut(getenv("STATE_DIRECTORY"), ":"); folder != "" && getenv(own+"STATE_DIR") == "" {
		c.StateDir = folder
	}
}

// Validate reports everything that is wrong with the values.
func (c Core) Validate() error {
	return errors.Join(
		oneOf("SOURCE", c.Source, "http", "file", "command", "s3", "sql"),
		oneOf("TRANSPORT", c.Transport, "sqs", "apigateway", "jetstream", "rabbitmq", "memory"),
		plain("STREAM", c.Stream),
		c.shaped(),
		oneOf("ORDER", c.Order, OrderNone, OrderKey),
		keyed(c.Order, c.RecordKey),
		file("SCHEMA_FILE", c.SchemaFile),
		folder("STATE_DIR", c.StateDir),
		address("ADMIN_ADDR", c.AdminAddr),
		c.guarded(),
		between("INFLIGHT", c.Inflight, 1, 1000),
		between("CONCURRENCY", c.Concurrency, 1, 10_000),
		rate("RATE_LIMIT", c.RateLimit),
		timeout("SHUTDOWN_TIMEOUT", c.ShutdownTimeout),
		timeout("LOCK_WAIT", c.LockWait),
		atLeast("DEADLETTER_MAX_BYTES", c.DeadletterMaxBytes, 1<<20),
		percent("DEADLETTER_MAX_PERCENT", c.DeadletterMaxPercent),
		oneOf("LOG_LEVEL", c.LogLevel, "debug", "info", "warn", "error"),
		oneOf("LOG_FORMAT", c.LogFormat, "auto", "json", "text"),
	)
}

// minToken is the least length of a token that nobody guesses.
const minToken = 16

// guarded refuses an admin port that strangers could read, and a token that does not keep them out.
func (c Core) guarded() error {
	token := c.AdminToken.Reveal()
	switch {
	case token == "" && c.exposed():
		return fmt.Errorf("ADMIN_ADDR is %s, which other machines can reach; set ADMIN_TOKEN, or keep to 127.0.0.1", quote(c.AdminAddr))
	case token != "" && len(token) < minToken:
		return fmt.Errorf("ADMIN_TOKEN has %d characters, want at least %d", len(token), minToken)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return errors.New("ADMIN_TOKEN has a character that no bearer token may have, such as a space or a line break")
	}
	return nil
}

// exposed reports whether other machines can reach the admin port.
func (c Core) exposed() bool {
	host, _, err := net.SplitHostPort(c.AdminAddr)
	return err == nil && !netaddr.Loopback(host)
}

// Warnings lists what is allowed and still deserves a look, one sentence each.
func (c Core) Warnings() []string {
	var warnings []string
	if c.exposed() {
		warnings = append(warnings, "SLUICE_ADMIN_ADDR: "+c.AdminAddr+" can be reached from other machines; "+
			"the admin port speaks plain http, so that its token can be read on the way; let the network between be your own")
	}
	return warnings
}

func oneOf(name, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%s is %s, want %s", name, quote(value), either(allowed))
}

// either lists words as in "a, b or c".
func either(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// plain refuses what would be invisible or would break a line.
func plain(name, value string) error {
	if !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) || strings.TrimSpace(value) != value {
		return fmt.Errorf("%s is %s, want text without control characters and without spaces around it", name, quote(value))
	}
	return nil
}

// path checks what can be said about a gjson path without a record. gjson itself finds nothing where a path is malformed.
func path(name, value string) error {
	if value == "" {
		return nil
	}
	if err := plain(name, value); err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(value, "$"):
		return fmt.Errorf("%s is %s, want a gjson path, which has no $ at its beginning: properties.time", name, quote(value))
	case strings.HasPrefix(value, "."), strings.HasSuffix(value, ".") && !strings.HasSuffix(value, `\.`), strings.Contains(value, ".."):
		return fmt.Errorf("%s is %s, want a gjson path without an empty step: properties.time", name, quote(value))
	case !balanced(value):
		return fmt.Errorf("%s is %s, want a gjson path in which every bracket and quote is closed", name, quote(value))
	case strings.HasPrefix(value, "@") && !gjson.ModifierExists(modifier(value), nil):
		return fmt.Errorf(`%s is %s, but gjson has no modifier @%s; write \@ if the name in the record begins with @`, name, quote(value), modifier(value))
	}
	return nil
}

// keyed refuses an order by key without a key.
func keyed(order, key string) error {
	if order == OrderKey && key == "" {
		return errors.New("ORDER is key, but RECORD_KEY is not set, which says what the key of a record is")
	}
	return nil
}

// modifier returns the name of the modifier at the beginning of a gjson path.
func modifier(value string) string {
	end := strings.IndexAny(value, ".|:")
	if end < 0 {
		end = len(value)
	}
	return value[1:end]
}

// balanced reports whether every bracket and quote of a gjson path is closed; a backslash takes the next character's
// meaning away.
func balanced(value string) bool {
	var open []byte
	quoted := false
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c == '\\':
			i++
			if i == len(value) {
				return false
			}
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(' || c == '[' || c == '{':
			open = append(open, c)
		case c == ')' || c == ']' || c == '}':
			if len(open) == 0 || !pairs(open[len(open)-1], c) {
				return false
			}
			open = open[:len(open)-1]
		}
	}
	return !quoted && len(open) == 0
}

func pairs(opening, closing byte) bool {
	return opening == '(' && closing == ')' || opening == '[' && closing == ']' || opening == '{' && closing == '}'
}

func file(name, path string) error {
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("%s is %s, which cannot be read: %w", name, quote(path), bare(err))
	case info.IsDir():
		return fmt.Errorf("%s is %s, which is a folder; name a file", name, quote(path))
	}
	return nil
}

// bare is err without the path in it, which may hold anything.
func bare(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}

func folder(name, path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.IsDir():
		return fmt.Errorf("%s is %s, which is a file; name a folder", name, quote(path))
	case err == nil && info.Mode().Perm()&0o002 != 0:
		return fmt.Errorf("%s is %s, which everybody on this machine can write to, the checkpoint included; chmod o-w it, or name another", name, quote(path))
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%s is %s, which cannot be used: %w", name, quote(path), bare(err))
	}
	return nil
}

func address(name, value string) error {
	if value == AdminOff {
		return nil
	}
	_, port, err := net.SplitHostPort(value)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("%s is %s, want host:port with a port from 0 to 65535, such as 127.0.0.1:9090, or off", name, quote(value))
	}
	return nil
}

func between(name string, value, least, most int) error {
	if value < least || value > most {
		return fmt.Errorf("%s is %d, want %d to %d", name, value, least, most)
	}
	return nil
}

func atLeast(name string, value, least int64) error {
	if value < least {
		return fmt.Errorf("%s is %d, want at least %d", name, value, least)
	}
	return nil
}

func rate(name string, value float64) error {
	if !(value >= 0) || math.IsInf(value, 0) { // the negation also finds NaN
		return fmt.Errorf("%s is %v, want a number of requests per second from 0", name, value)
	}
	return nil
}

func timeout(name string, value time.Duration) error {
	if value < 0 || value > time.Hour {
		return fmt.Errorf("%s is %v, want 0s to 1h", name, value)
	}
	return nil
}

func percent(name string, value float64) error {
	if !(value > 0 && value <= 100) {
		return fmt.Errorf("%s is %v, want more than 0 and at most 100", name, value)
	}
	return nil
}
