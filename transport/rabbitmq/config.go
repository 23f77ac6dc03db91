package rabbitmq

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"sluice/internal/netaddr"
	"sluice/internal/secret"
)

// Config says which queue or exchange, and who we are: prefix SLUICE_RABBITMQ.
type Config struct {
	URL        string        `split_words:"true" desc:"address of the broker, amqp://host:5672 or amqps://host:5671, and /vhost if it is not the one named /"`
	Queue      string        `split_words:"true" desc:"queue to send to, through the default exchange; this or the exchange"`
	Exchange   string        `split_words:"true" desc:"exchange to publish to; it must lead every record to a queue"`
	RoutingKey string        `split_words:"true" desc:"routing key of every record, for the exchange"`
	Timeout    time.Duration `split_words:"true" default:"10s" desc:"limit for one request, and for connecting"`

	Username string       `split_words:"true" default:"guest" desc:"user to connect as"`
	Password secret.Value `split_words:"true" default:"guest" desc:"password of the user"`

	CAFile    string `split_words:"true" desc:"file with the certificates, in PEM, of who may vouch for the broker; unset: those of this machine"`
	CertFile  string `split_words:"true" desc:"file with our certificate, in PEM, where the broker asks for one; with KEY_FILE"`
	KeyFile   string `split_words:"true" desc:"file with the key of our certificate, in PEM"`
	Plaintext bool   `split_words:"true" default:"false" desc:"allow the password to travel to another machine without TLS"`

	// The broker does not say its limit, and closes the channel on a larger message.
	MaxMessageBytes int `split_words:"true" default:"16777216" desc:"longest body that the broker takes: its setting max_message_size, 16 MiB by default since RabbitMQ 4.0 and 128 MiB before"`

	// Tap is handed every connection that is opened, and returns what is to be used in its place; nil: as it is. It is
	// for counting what goes over the wire.
	Tap func(net.Conn) net.Conn `ignored:"true"`
}

// timeoutVariable sets Config.Timeout; texts name it.
const timeoutVariable = "SLUICE_RABBITMQ_TIMEOUT"

// Validate reports everything that is wrong, not only the first thing. No message shows an address that holds a password.
func (c Config) Validate() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if err := c.checkURL(); err != nil {
		errs = append(errs, err)
	}
	switch {
	case c.Queue == "" && c.Exchange == "":
		add("QUEUE is not set; set it or EXCHANGE")
	case c.Queue != "" && c.Exchange != "":
		add("QUEUE and EXCHANGE are both set; unset one")
	case c.Queue != "" && c.RoutingKey != "":
		add("ROUTING_KEY is for an exchange; unset it")
	}
	for _, f := range []struct{ name, value string }{{"QUEUE", c.Queue}, {"EXCHANGE", c.Exchange}, {"ROUTING_KEY", c.RoutingKey}} {
		if len(f.value) > shortString {
			add("%s has %d bytes, want at most %d", f.name, len(f.value), shortString)
		}
	}
	if c.Timeout <= 0 {
		add("TIMEOUT is %v, want more than 0", c.Timeout)
	}
	if c.Username == "" || !c.Password.IsSet() {
		add("USERNAME and PASSWORD are needed both")
	}
	if (c.CertFile != "") != (c.KeyFile != "") {
		add("CERT_FILE and KEY_FILE belong together; set both or none")
	}
	for _, f := range []struct{ name, path string }{{"CA_FILE", c.CAFile}, {"CERT_FILE", c.CertFile}, {"KEY_FILE", c.KeyFile}} {
		if info, err := os.Stat(f.path); f.path != "" && (err != nil || info.IsDir()) {
			add("%s is %q, want a file that can be read", f.name, f.path)
		}
	}
	if c.MaxMessageBytes <= 0 || c.MaxMessageBytes >= 512<<20 { // RabbitMQ: max_message_size is less than 512 MiB
		add("MAX_MESSAGE_BYTES is %d, want 1 to 536870911", c.MaxMessageBytes)
	}
	return errors.Join(errs...)
}

func (c Config) checkURL() error {
	const want = "want amqp://host:5672 or amqps://host:5671"
	if c.URL == "" {
		return errors.New("URL is not set")
	}
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		return errors.New("URL cannot be read; " + want)
	case u.User != nil:
		return errors.New("URL holds a user or password; use USERNAME and PASSWORD")
	case u.Scheme != "amqp" && u.Scheme != "amqps":
		return errors.New("URL has another scheme; " + want)
	case u.Hostname() == "" || !netaddr.LegalPort(u.Port()) || u.RawQuery != "" || u.Fragment != "":
		return errors.New("URL is not an address of that form; " + want) // which may hold a password: it is not shown
	case u.Scheme == "amqp" && !c.Plaintext && !netaddr.Loopback(u.Hostname()):
		return fmt.Errorf("URL would let the password travel to %s without TLS; use amqps://, or set PLAINTEXT=true", u.Host)
	}
	if _, err := amqp.ParseURI(c.URL); err != nil {
		return errors.New("URL is not an address that the client library takes; " + want)
	}
	return nil
}

// where names the destination for people.
func (c Config) where() string {
	if c.Exchange != "" {
		return fmt.Sprintf("exchange %q with routing key %q", c.Exchange, c.RoutingKey)
	}
	return fmt.Sprintf("queue %q", c.Queue)
}

// route is the routing key of every record. AMQP: the default exchange leads to the queue that the key names.
func (c Config) route() string {
	if c.Exchange != "" {
		return c.RoutingKey
	}
	return c.Queue
}

// tls returns the settings for amqps.
func (c Config) tls() (*tls.Config, error) {
	settings := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("SLUICE_RABBITMQ_CA_FILE: %w", err)
		}
		settings.RootCAs = x509.NewCertPool()
		if !settings.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("SLUICE_RABBITMQ_CA_FILE: %s holds no certificate in PEM", c.CAFile)
		}
	}
	if c.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("SLUICE_RABBITMQ_CERT_FILE and KEY_FILE: %w", err)
		}
		settings.Certificates = []tls.Certificate{pair}
	}
	return settings, nil
}
