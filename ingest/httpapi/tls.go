package httpapi

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"sluice/internal/fault"
)

// maxPEM is the most bytes that a file of certificates may have: the bundles of operating systems have a quarter of it.
const maxPEM = 1 << 20

// An identity is what the files of certificates held.
type identity struct {
	cert, key, authorities []byte // as they were read; nil: not set
	pair                   *tls.Certificate
	roots                  *x509.CertPool
}

// loadIdentity reads the files that c names. Its errors are one sentence and begin with the setting.
func loadIdentity(c AuthConfig) (*identity, error) {
	id := &identity{}
	for _, f := range []struct {
		name, path string
		into       *[]byte
	}{{"CLIENT_CERT_FILE", c.ClientCertFile, &id.cert}, {"CLIENT_KEY_FILE", c.ClientKeyFile, &id.key}, {"CA_FILE", c.CAFile, &id.authorities}} {
		if f.path == "" {
			continue
		}
		data, err := readPEM(f.path)
		if err != nil {
			return nil, fmt.Errorf("%s cannot be read: %w", f.name, err)
		}
		*f.into = data
	}
	if id.authorities != nil {
		id.roots = x509.NewCertPool()
		if !id.roots.AppendCertsFromPEM(id.authorities) {
			return nil, fmt.Errorf("CA_FILE holds no certificate in PEM form: %s", c.CAFile)
		}
	}
	if id.cert == nil {
		return id, nil
	}
	pair, err := tls.X509KeyPair(id.cert, id.key)
	if err != nil {
		return nil, fmt.Errorf("CLIENT_CERT_FILE and the key in CLIENT_KEY_FILE are no pair: %w", err) // it names what is wrong, and no bytes
	}
	id.pair = &pair
	return id, id.expired(time.Now())
}

func readPEM(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxPEM+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxPEM:
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxPEM)
	case len(data) == 0:
		return nil, fmt.Errorf("%s is empty", path)
	}
	return data, nil
}

// expired says so if the client certificate has ended, or has not begun.
func (id *identity) expired(now time.Time) error {
	if id.pair == nil {
		return nil
	}
	switch leaf := id.pair.Leaf; {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("CLIENT_CERT_FILE holds a certificate that has expired on %s", leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("CLIENT_CERT_FILE holds a certificate that is valid only from %s on", leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	return nil
}

// same reports whether the files have not changed.
func (id *identity) same(other *identity) bool {
	return bytes.Equal(id.cert, other.cert) && bytes.Equal(id.key, other.key) && bytes.Equal(id.authorities, other.authorities)
}

// settings are the TLS settings for connections with this identity.
func (id *identity) settings() *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: id.roots}
	if id.pair != nil {
		c.Certificates = []tls.Certificate{*id.pair}
	}
	return c
}

// identify looks whether the files of certificates have changed, and if so makes new connections from now on: those at hand
// show the old certificate. While what the files hold cannot be used, as in the middle of a rotation, the old one goes on
// being used as long as it is valid.
func (s *Source) identify(target *url.URL) error {
	if s.cfg.ClientCertFile == "" && s.cfg.CAFile == "" {
		return nil
	}
	fresh, err := loadIdentity(s.cfg.AuthConfig)
	if err == nil {
		if !fresh.same(s.identity) {
			s.connect(fresh)
		}
		return nil
	}
	if s.identity.expired(time.Now()) == nil {
		if text := err.Error(); text != s.warned {
			s.warned = text
			s.warn("SLUICE_HTTP_" + text + "; the last one that could be used stays in use")
		}
		return nil
	}
	return s.fail(fault.Blocked, "client_certificate", target, errors.New("SLUICE_HTTP_"+err.Error()+"; renew the files, which are read again by themselves"))
}

// connect makes the clients of the source and of its token endpoint, for connections with this identity.
func (s *Source) connect(id *identity) {
	if s.transport != nil {
		s.transport.CloseIdleConnections()
	}
	s.identity, s.warned = id, ""
	s.transport, s.dialer = s.newConnections(s.base, id)
	s.client = &http.Client{Transport: s.wrapped(s.transport), CheckRedirect: s.checkRedirect}
	if s.oauth != nil {
		tr, _ := s.newConnections(s.oauth.url, id)
		s.oauth.connect(tr, s.wrapped)
	}
}

// wrapped is what makes the requests that go through tr.
func (s *Source) wrapped(tr *http.Transport) http.RoundTripper {
	if s.cfg.Wrap != nil {
		return s.cfg.Wrap(tr)
	}
	return tr
}

func (s *Source) newConnections(to *url.URL, id *identity) (*http.Transport, *dialer) {
	tr, d := newTransport(to)
	tr.TLSClientConfig = id.settings()
	if s.cfg.Dial != nil {
		tr.DialContext = s.cfg.Dial
	}
	return tr, d
}

// handshake says what to do about a failure in which TLS itself was refused, by either side, if the settings may be the
// cause; empty for any other.
func (s *Source) handshake(err error) string {
	if s.cfg.ClientCertFile == "" && s.cfg.CAFile == "" {
		return ""
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "the source's certificate is not trusted; check SLUICE_HTTP_URL, and that SLUICE_HTTP_CA_FILE holds the certificate of its authority"
	}
	// crypto/tls has no exported type for an alert of the other side, and calls its operation so.
	if remote, ok := errors.AsType[*net.OpError](err); ok && remote.Op == "remote error" {
		return "the source refuses the connection; check SLUICE_HTTP_CLIENT_CERT_FILE and SLUICE_HTTP_CLIENT_KEY_FILE"
	}
	return ""
}

// warn tells a person, if anybody listens.
func (s *Source) warn(message string) {
	if s.cfg.Warn != nil {
		s.cfg.Warn(message)
	}
}
