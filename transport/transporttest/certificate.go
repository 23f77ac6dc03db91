package transporttest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"

	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// A Certificate is one for 127.0.0.1 that vouches for itself, and the files that it is in.
type Certificate struct {
	TLS               tls.Certificate
	Pool              *x509.CertPool
	CertFile, KeyFile string
}

// NewCertificate makes a Certificate for servers and clients, in a folder of the test.
func NewCertificate(t testing.TB) Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert, private := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	c := Certificate{Pool: x509.NewCertPool()}
	c.Pool.AppendCertsFromPEM(cert)
	if c.TLS, err = tls.X509KeyPair(cert, private); err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c.CertFile, c.KeyFile = write("cert.pem", cert), write("key.pem", private)
	return c
}

// A Masquerade is a TLS server's choice between a certificate for another host, at first, and the one for example.com that
// httptest has.
type Masquerade struct {
	wrong Certificate
	right atomic.Bool
}

// NewMasquerade gives s, which has not started, the wrong certificate until Right is called.
func NewMasquerade(t testing.TB, s *httptest.Server) *Masquerade {
	m := &Masquerade{wrong: NewCertificate(t)}
	s.TLS = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		if m.right.Load() {
			return nil, nil // that of httptest
		}
		return &m.wrong.TLS, nil
	}}
	return m
}

// Right makes the server show the certificate for example.com from now on.
func (m *Masquerade) Right() { m.right.Store(true) }

// Client returns the settings of a client that trusts both certificates, and the address of s for it: only the name tells
// them apart. s has started.
func (m *Masquerade) Client(t testing.TB, s *httptest.Server) (options func(*http.Transport), address string) {
	t.Helper()
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	pool := m.wrong.Pool.Clone()
	pool.AddCert(s.Certificate())
	return func(tr *http.Transport) {
		tr.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
		dial := tr.DialContext
		tr.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dial(ctx, network, s.Listener.Addr().String())
		}
	}, "https://example.com:" + port
}
