package rabbitmq

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"sluice/internal/fault"
	"sluice/internal/secret"
	"sluice/transport/transporttest"
)

// TestVerdictOnAClose: the codes are those of AMQP 0-9-1, the texts those of RabbitMQ.
func TestVerdictOnAClose(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		code     int
		text     string
		exchange bool
		class    fault.Class
		reason   string
	}{
		"queue missing":           {404, "NOT_FOUND - no queue 'q' in vhost '/'", false, fault.Blocked, "queue_missing"},
		"exchange missing":        {404, "NOT_FOUND - no exchange 'x' in vhost '/'", true, fault.Blocked, "exchange_missing"},
		"no permission":           {403, "ACCESS_REFUSED - write access to exchange 'x' in vhost '/' refused", true, fault.Blocked, "access_denied"},
		"queue of another":        {405, "RESOURCE_LOCKED - cannot obtain exclusive access", false, fault.Blocked, "access_denied"},
		"too large":               {406, "PRECONDITION_FAILED - message size 5000 is larger than configured max size 4000", false, fault.Rejected, "message_refused"},
		"content too large":       {311, "CONTENT_TOO_LARGE", false, fault.Rejected, "message_refused"},
		"broker stops":            {320, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'", false, fault.Transient, "disconnected"},
		"broker has no resources": {506, "RESOURCE_ERROR", false, fault.Throttled, "service_error"},
		"not allowed":             {530, "NOT_ALLOWED", false, fault.Blocked, "access_denied"},
		"not implemented":         {540, "NOT_IMPLEMENTED", false, fault.Blocked, "unexpected_answer"},
		"internal error":          {541, "INTERNAL_ERROR", false, fault.Transient, "service_error"},
		"a frame went wrong":      {501, "FRAME_ERROR", false, fault.Transient, "disconnected"},
		"a code nobody knows":     {599, "FLURB", false, fault.Transient, "disconnected"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{Queue: "q"}
			if tc.exchange {
				cfg = Config{Exchange: "x"}
			}
			e := (&Transport{cfg: cfg}).classify(opPublish, fmt.Errorf("channel: %w", &amqp.Error{Code: tc.code, Reason: tc.text}))
			if e.Class != tc.class || e.Reason != tc.reason {
				t.Errorf("got %v %s, want %v %s", e.Class, e.Reason, tc.class, tc.reason)
			}
			if !strings.Contains(e.Error(), tc.text) || !strings.Contains(e.Error(), fmt.Sprint(tc.code)) {
				t.Errorf("%q lacks what the broker said", e)
			}
			if tc.class == fault.Blocked {
				wantTodo(t, e)
			}
		})
	}
	if e := (&Transport{}).classify(opPublish, io.ErrUnexpectedEOF); e.Class != fault.Transient || e.Reason != "disconnected" {
		t.Errorf("a broken connection: %v %s, want transient disconnected", e.Class, e.Reason)
	}
}

func TestWhatIsOutstandingWhenAChannelIsClosed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		class            fault.Class
		left, all        int
		ambiguous, whole bool
	}{
		"the only one was refused":     {fault.Rejected, 1, 1, false, false},
		"one of many was refused":      {fault.Rejected, 3, 5, true, true},
		"the last of many was refused": {fault.Rejected, 1, 5, false, true},
		"one is blocked":               {fault.Blocked, 1, 1, false, false},
		"many are blocked":             {fault.Blocked, 2, 2, true, false},
		"the connection broke":         {fault.Transient, 1, 1, true, false},
	} {
		e := outstanding(&fault.Error{Class: tc.class}, tc.left, tc.all)
		if e.Ambiguous != tc.ambiguous || e.Whole != tc.whole {
			t.Errorf("%s: ambiguous %v, whole %v; want %v, %v", name, e.Ambiguous, e.Whole, tc.ambiguous, tc.whole)
		}
	}
}

// TestWhatCannotBeWrittenIsNotRefused: the broker has closed the channel because of a message that went before.
func TestWhatCannotBeWrittenIsNotRefused(t *testing.T) {
	t.Parallel()
	tr := &Transport{}
	for name, tc := range map[string]struct {
		said      *amqp.Error
		err       error
		class     fault.Class
		ambiguous bool
	}{
		"the channel is closed":        {&amqp.Error{Code: amqp.PreconditionFailed, Reason: "message size 5000 is larger than max size 4000"}, amqp.ErrClosed, fault.Rejected, false},
		"the connection breaks midway": {nil, io.ErrUnexpectedEOF, fault.Transient, true},
	} {
		first, rest := tr.cutOff(&channel{Channel: new(amqp.Channel), said: tc.said}, tc.err)
		for _, e := range []*fault.Error{first, rest} {
			if e.Class != tc.class || e.Whole != (tc.class == fault.Rejected) {
				t.Errorf("%s: %v, whole: %v; want %v, and with its request alone", name, e.Class, e.Whole, tc.class)
			}
		}
		if first.Ambiguous != tc.ambiguous || rest.Ambiguous {
			t.Errorf("%s: in doubt: %v and %v, want %v and none of the rest", name, first.Ambiguous, rest.Ambiguous, tc.ambiguous)
		}
	}
}

func TestVerdictOnConnecting(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err    error
		class  fault.Class
		reason string
	}{
		"refused by the machine":  {&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}, fault.Transient, "unreachable"},
		"no such host":            {&net.DNSError{Err: "no such host", Name: "broker"}, fault.Transient, "unreachable"},
		"silence":                 {os.ErrDeadlineExceeded, fault.Transient, "unreachable"},
		"broker starts":           {&amqp.Error{Code: 541, Reason: "INTERNAL_ERROR"}, fault.Transient, "unreachable"},
		"wrong password":          {amqp.ErrCredentials, fault.Blocked, "auth_refused"},
		"no common mechanism":     {amqp.ErrSASL, fault.Blocked, "auth_refused"},
		"virtual host":            {amqp.ErrVhost, fault.Blocked, "vhost_missing"},
		"virtual host, in words":  {&amqp.Error{Code: 530, Reason: "NOT_ALLOWED - vhost x not found"}, fault.Blocked, "auth_refused"},
		"connection broke":        {&amqp.Error{Code: 501, Reason: "EOF"}, fault.Transient, "unreachable"},
		"no frame":                {&amqp.Error{Code: 501, Reason: amqp.ErrFrame.Error()}, fault.Blocked, "unexpected_answer"},
		"another protocol":        {amqp.ErrSyntax, fault.Blocked, "unexpected_answer"},
		"a name it does not have": {x509.HostnameError{Certificate: &x509.Certificate{}, Host: "broker"}, fault.Blocked, "tls_failed"},
		"nobody vouches for it":   {fmt.Errorf("tls: %w", x509.UnknownAuthorityError{}), fault.Blocked, "tls_failed"},
		"the port is a plain one": {tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, fault.Blocked, "tls_failed"},
	} {
		e := classifyConnect(tc.err)
		if e.Class != tc.class || e.Reason != tc.reason || e.Ambiguous {
			t.Errorf("%s: got %v %s, ambiguous %v; want %v %s, which is certain", name, e.Class, e.Reason, e.Ambiguous, tc.class, tc.reason)
		}
		if tc.class == fault.Blocked {
			wantTodo(t, e)
		}
	}
}

// TestTLS puts TLS in front of the broker.
func TestTLS(t *testing.T) {
	t.Parallel()
	w := on(t, anyBroker(t), nil)
	p := w.proxied()
	own, other := transporttest.NewCertificate(t), transporttest.NewCertificate(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{own.TLS}, ClientCAs: own.Pool,
		ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer in.Close()
				out, err := net.Dial("tcp", p.Address())
				if err != nil {
					return
				}
				defer out.Close()
				go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
				_, _ = io.Copy(in, out)
			}()
		}
	}()
	for name, tc := range map[string]struct {
		mine, ca transporttest.Certificate // our certificate; whom we trust
		class    fault.Class
		want     string
	}{
		"both know each other":      {own, own, 0, ""},
		"we do not know the broker": {own, other, fault.Blocked, "tls_failed"},
		// The library does not say what broke the connection, save in words.
		"the broker does not know us": {other, own, fault.Transient, "unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := opened(t, w.settings("amqps://"+l.Addr().String()), func(c *Config) {
				c.CAFile, c.CertFile, c.KeyFile = tc.ca.CertFile, tc.mine.CertFile, tc.mine.KeyFile
			})
			results := tr.Send(t.Context(), three())
			if tc.want == "" {
				wantAccepted(t, results)
				return
			}
			wantAll(t, results, tc.class, tc.want, false)
			if text := results[0].Err.Error(); !strings.Contains(text, "tls: ") {
				t.Errorf("%q does not say that it is about TLS", text)
			}
		})
	}
}

func TestConfigSaysEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a.pem")
	if err := os.WriteFile(file, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := Config{URL: "amqps://broker", Queue: "q", Timeout: time.Second, Username: "u", Password: secret.New("canary"), MaxMessageBytes: 1000}
	for name, tc := range map[string]struct {
		change func(*Config)
		want   []string // beginnings of the lines
	}{
		"all is well":                   {func(*Config) {}, nil},
		"a virtual host":                {func(c *Config) { c.URL = "amqps://broker:5671/team%2Fa" }, nil},
		"nothing is set":                {func(c *Config) { *c = Config{} }, []string{"URL is not set", "QUEUE is not set", "TIMEOUT is 0s", "USERNAME and PASSWORD", "MAX_MESSAGE_BYTES is 0"}},
		"queue and exchange":            {func(c *Config) { c.Exchange = "x" }, []string{"QUEUE and EXCHANGE"}},
		"an exchange without a key":     {func(c *Config) { c.Queue, c.Exchange = "", "x" }, nil},
		"a key for a queue":             {func(c *Config) { c.RoutingKey = "k" }, []string{"ROUTING_KEY is for an exchange"}},
		"a long name":                   {func(c *Config) { c.Queue = strings.Repeat("q", 256) }, []string{"QUEUE has 256 bytes"}},
		"another scheme":                {func(c *Config) { c.URL = "http://broker" }, []string{"URL has another scheme"}},
		"a password, slashes forgotten": {func(c *Config) { c.URL = "amqp:guest:canary@broker:5672" }, []string{"URL is not an address"}},
		"a password in a query":         {func(c *Config) { c.URL = "amqps://broker?password=canary" }, []string{"URL is not an address"}},
		"a query":                       {func(c *Config) { c.URL = "amqps://broker?heartbeat=1" }, []string{"URL is "}},
		"a port that is none":           {func(c *Config) { c.URL = "amqps://broker:99999" }, []string{"URL is "}},
		"a password in the URL":         {func(c *Config) { c.URL = "amqps://u:canary@broker" }, []string{"URL holds a user or password"}},
		"a URL that is none":            {func(c *Config) { c.URL = "amqps://u:canary@bro ker" }, []string{"URL cannot be read"}},
		"without TLS":                   {func(c *Config) { c.URL = "amqp://broker:5672" }, []string{"URL would let the password travel to broker:5672"}},
		"without TLS, as is wished":     {func(c *Config) { c.URL, c.Plaintext = "amqp://broker", true }, nil},
		"to this machine":               {func(c *Config) { c.URL = "amqp://localhost" }, nil},
		"no password":                   {func(c *Config) { c.Password = secret.Value{} }, []string{"USERNAME and PASSWORD"}},
		"a certificate without key":     {func(c *Config) { c.CertFile = file }, []string{"CERT_FILE and KEY_FILE"}},
		"files that are not there":      {func(c *Config) { c.CAFile, c.CertFile, c.KeyFile = "no-1", "no-2", "no-3" }, []string{"CA_FILE", "CERT_FILE", "KEY_FILE"}},
		"a limit that is too high":      {func(c *Config) { c.MaxMessageBytes = 512 << 20 }, []string{"MAX_MESSAGE_BYTES is 536870912"}},
		"a folder is no certificate":    {func(c *Config) { c.CAFile = filepath.Dir(file) }, []string{"CA_FILE"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := good
			tc.change(&c)
			var lines []string
			if err := c.Validate(); err != nil {
				lines = strings.Split(err.Error(), "\n")
			}
			if len(lines) != len(tc.want) {
				t.Fatalf("got %q, want %d problems", lines, len(tc.want))
			}
			for i, line := range lines {
				if !strings.HasPrefix(line, tc.want[i]) || strings.Contains(line, "canary") {
					t.Errorf("got %q, want it to begin %q, and no secret", line, tc.want[i])
				}
			}
		})
	}
	for name, change := range map[string]func(*Config){
		"authorities":   func(c *Config) { c.CAFile = file },
		"certificate":   func(c *Config) { c.CertFile, c.KeyFile = file, file },
		"configuration": func(c *Config) { c.Queue = "" },
	} {
		c := good
		change(&c)
		if _, err := Open(c); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %v, want an error without the secret", name, err)
		}
	}
}
