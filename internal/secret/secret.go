// Package secret holds values that must never be printed.
package secret

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
)

// mask is what every way of printing shows of a Value that is set.
const mask = "***"

// A Value is a secret such as a token or an API key. However it is printed, formatted, marshalled or logged it shows
// "***"; only Reveal returns it. The zero Value is unset. Copies share one secret: what Replace sets, all of them reveal.
type Value struct {
	p *place // a pointer, so that %+v of a struct with an unexported Value shows an address
}

// A place is where a secret is kept and where it comes from.
type place struct {
	text atomic.Pointer[string]
	read func() (string, error) // nil: from nowhere else
	keep func(string) error     // nil: it cannot be changed there
}

// New returns a Value that holds s; the empty string makes an unset Value.
func New(s string) Value {
	var v Value
	_ = v.Decode(s)
	return v
}

// Reveal returns the secret itself, or "" if unset. The result belongs into a request and nowhere else.
func (v Value) Reveal() string {
	if v.p == nil {
		return ""
	}
	return *v.p.text.Load()
}

// IsSet reports whether there is a secret.
func (v Value) IsSet() bool { return v.Reveal() != "" }

// Replace puts s in the place of the secret, for every copy of v made after the first Decode. Safe for concurrent use.
// It panics on a zero Value, which has no place to share.
func (v Value) Replace(s string) { v.p.text.Store(&s) }

// From returns a Value that holds s and that Refresh can read again.
func From(s string, read func() (string, error)) Value {
	v := New(s)
	v.p.read = read
	return v
}

// Refresh reads the secret again from where it came, for every copy of v, and reports whether it is another one now. What
// cannot be read, is empty, or is not legal leaves it as it was. Safe for concurrent use.
func (v Value) Refresh(legal func(string) bool) bool {
	if v.p == nil || v.p.read == nil {
		return false
	}
	s, err := v.p.read()
	if err != nil || s == "" || s == v.Reveal() || !legal(s) {
		return false
	}
	v.Replace(s)
	return true
}

// KeptBy makes keep the way in which Store writes the secret to where it comes from. It panics on a zero Value.
func (v Value) KeptBy(keep func(string) error) { v.p.keep = keep }

// Storable reports whether Store can work at all.
func (v Value) Storable() bool { return v.p != nil && v.p.keep != nil }

// Store writes s to where the secret comes from, durably, and then puts it in its place for every copy of v. On an error
// nothing has changed. It is for a secret that its issuer replaces whenever it is used.
func (v Value) Store(s string) error {
	if !v.Storable() {
		return errors.New("the secret comes from a place that cannot be written to")
	}
	if err := v.p.keep(s); err != nil {
		return err
	}
	v.Replace(s)
	return nil
}

// Decode takes the secret from an environment variable; it never fails, so no parse error can print the value.
func (v *Value) Decode(s string) error {
	v.p = new(place)
	v.p.text.Store(&s)
	return nil
}

// String shows the mask, or nothing if unset.
func (v Value) String() string {
	if !v.IsSet() {
		return ""
	}
	return mask
}

// Format prints the mask for every verb.
func (v Value) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(v.String())) }

// MarshalText writes the mask.
func (v Value) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// LogValue logs the mask.
func (v Value) LogValue() slog.Value { return slog.StringValue(v.String()) }
