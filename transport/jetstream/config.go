package jetstream

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"sluice/internal/netaddr"
	"sluice/internal/secret"
)

// Config says which stream, and who we are: prefix SLUICE_JETSTREAM.
type Config struct {
	URL     string        `split_words:"true" desc:"address of the server, nats://host:4222 or tls://host:4222; several, separated by commas, for a cluster"`
	Subject string        `split_words:"true" desc:"subject to publish to; a stream must listen to it"`
	Stream  string        `split_words:"true" desc:"name of that stream; where it is set, no other stream that listens to the subject gets a record"`
	Timeout time.Duration `split_words:"true" default:"10s" desc:"limit for one request, and for connecting"`

	Username string       `split_words:"true" desc:"user to connect as, with PASSWORD"`
	Password secret.Value `split_words:"true" desc:"password of the user"`
	Token    secret.Value `split_words:"true" desc:"token to connect with, where the server knows no users"`
	Creds    secret.Value `split_words:"true" desc:"content of a .creds file: the JWT of a user and the seed that signs for it"`

	CAFile    string `split_words:"true" desc:"file with the certificates, in PEM, of who may vouch for the server; unset: those of this machine"`
	CertFile  string `split_words:"true" desc:"file with our certificate, in PEM, where the server asks for one; with KEY_FILE"`
	KeyFile   string `split_words:"true" desc:"file with the key of our certificate, in PEM"`
	Plaintext bool   `split_words:"true" default:"false" desc:"allow a password or token to travel to another machine without TLS"`

	// Tap is handed every connection that is opened, and returns what is to be used in its place; nil: as it is. It is
	// for counting what goes over the wire.
	Tap func(net.Conn) net.Conn `ignored:"true"`
}

// timeoutVariable sets Config.Timeout; texts name it.
const timeoutVariable = "SLUICE_JETSTREAM_TIMEOUT"

// Validate reports everything that is wrong, not only the first thing. No message shows an address that holds a password.
func (c Config) Validate() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.URL == "" {
		add("URL is not set")
	} else if err := c.checkURLs(); err != nil {
		errs = append(errs, err)
	}
	switch {
	case c.Subject == "":
		add("SUBJECT is not set")
	case !legalSubject(c.Subject):
		add("SUBJECT is %q, want words separated by single periods, without spaces and wildcards", c.Subject)
	}
	if strings.ContainsAny(c.Stream, " \t\r\n.*>/\\") {
		add("STREAM is %q; the name of a stream has no spaces, periods, wildcards and slashes", c.Stream)
	}
	if c.Timeout <= 0 {
		add("TIMEOUT is %v, want more than 0", c.Timeout)
	}
	if (c.Username != "") != c.Password.IsSet() {
		add("USERNAME and PASSWORD belong together; set both or none")
	}
	if ways := count(c.Username != "", c.Token.IsSet(), c.Creds.IsSet()); ways > 1 {
		add("USERNAME, TOKEN and CREDS are %d ways to connect; keep one", ways)
	}
	if c.Creds.IsSet() {
		if _, err := c.sign(nil); err != nil {
			add("CREDS is not the content of a .creds file")
		}
	}
	if (c.CertFile != "") != (c.KeyFile != "") {
		add("CERT_FILE and KEY_FILE belong together; set both or none")
	}
	for _, f := range []struct{ name, path string }{{"CA_FILE", c.CAFile}, {"CERT_FILE", c.CertFile}, {"KEY_FILE", c.KeyFile}} {
		if info, err := os.Stat(f.path); f.path != "" && (err != nil || info.IsDir()) {
			add("%s is %q, want a file that can be read", f.name, f.path)
		}
	}
	return errors.Join(errs...)
}

// checkURLs says what is wrong with the first bad address.
func (c Config) checkURLs() error {
	for _, address := range c.servers() {
		u, err := url.Parse(address)
		switch {
		case err != nil:
			return errors.New("URL cannot be read; want nats://host:4222 or tls://host:4222, several separated by commas")
		case u.User != nil:
			return errors.New("URL holds a user or password; use USERNAME and PASSWORD, or TOKEN")
		case u.Scheme != "nats" && u.Scheme != "tls":
			return errors.New("URL has another scheme; want nats://host:4222 or tls://host:4222")
		case u.Hostname() == "" || !netaddr.LegalPort(u.Port()) || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
			return errors.New("URL is not an address of that form, which is not shown because it may hold a secret; want nats://host:4222 or tls://host:4222")
		case u.Scheme == "nats" && (c.Password.IsSet() || c.Token.IsSet()) && !c.Plaintext && !netaddr.Loopback(u.Hostname()):
			return fmt.Errorf("URL would let a password or token travel to %s without TLS; use tls://, or set PLAINTEXT=true", u.Host)
		}
	}
	return nil
}

// servers are the addresses in URL.
func (c Config) servers() []string {
	var all []string
	for address := range strings.SplitSeq(c.URL, ",") {
		all = append(all, strings.TrimSpace(address))
	}
	return all
}

// legalSubject reports whether one can publish to s. NATS: tokens separated by periods, no white space; * and > are
// wildcards of those who listen.
func legalSubject(s string) bool {
	for token := range strings.SplitSeq(s, ".") {
		if token == "" || strings.ContainsAny(token, " \t\r\n*>") {
			return false
		}
	}
	return !strings.HasPrefix(s, "$")
}

func count(all ...bool) int {
	n := 0
	for _, one := range all {
		if one {
			n++
		}
	}
	return n
}
