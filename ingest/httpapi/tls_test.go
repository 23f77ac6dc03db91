package httpapi

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/internal/fault"
)

// An authority issues certificates for tests.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	n    int64
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t}
	a.cert, a.key = a.sign(&x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(time.Hour)})
	return a
}

func (a *authority) sign(c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	a.n++
	c.SerialNumber, c.Subject = big.NewInt(a.n), pkix.Name{CommonName: fmt.Sprintf("number %d", a.n)}
	c.NotBefore = time.Now().Add(-2 * time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

// issue makes PEM texts of a certificate for both ends of a connection to this machine, and of its key.
func (a *authority) issue(end time.Time) (cert, key string) {
	a.t.Helper()
	c, k := a.sign(&x509.Certificate{NotAfter: end, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}})
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		a.t.Fatal(err)
	}
	return pemText("CERTIFICATE", c.Raw), pemText("PRIVATE KEY", der)
}

func (a *authority) pem() string { return pemText("CERTIFICATE", a.cert.Raw) }

func pemText(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// files are those of a client, in a folder of their own.
type files struct {
	t                   testing.TB
	cert, key, caBundle string
}

func newFiles(t testing.TB) files {
	dir := t.TempDir()
	return files{t, filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "ca.pem")}
}

func (f files) write(path, text string) {
	f.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f files) pair(cert, key string) { f.t.Helper(); f.write(f.cert, cert); f.write(f.key, key) }

func (f files) apply(c *Config) {
	c.ClientCertFile, c.ClientKeyFile, c.CAFile = f.cert, f.key, f.caBundle
}

// mutual serves the name of the client's certificate as a record, to clients of the authority.
func mutual(t testing.TB, a *authority) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `[%q]`, r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	pair, err := tls.X509KeyPair(both(a.issue(time.Now().Add(time.Hour))))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv
}

func both(cert, key string) (certPEM, keyPEM []byte) { return []byte(cert), []byte(key) }

// TestClientCertificatesAreRotated while the source runs, connections and all.
func TestClientCertificatesAreRotated(t *testing.T) {
	t.Parallel()
	a, f := newAuthority(t), newFiles(t)
	srv := mutual(t, a)
	f.write(f.caBundle, a.pem())
	f.pair(a.issue(time.Now().Add(time.Hour))) // number 3: after the authority and the server
	var warnings []string
	c := Default()
	c.URL, c.Warn = srv.URL, func(m string) { warnings = append(warnings, m) }
	f.apply(&c)
	s := open(t, c)
	want := func(name string) {
		t.Helper()
		if b, err := s.Read(t.Context(), ""); err != nil || string(b.Items[0]) != `"`+name+`"` {
			t.Fatalf("Read = %q, %v; want a page for %q", b.Items, err, name)
		}
	}
	want("number 3")
	cert, key := a.issue(time.Now().Add(time.Hour))
	f.write(f.cert, cert) // the key is still the old one: somebody is just rotating
	want("number 3")
	want("number 3")
	if len(warnings) != 1 || !strings.Contains(warnings[0], "SLUICE_HTTP_CLIENT_CERT_FILE") || !strings.Contains(warnings[0], "no pair") {
		t.Errorf("warnings %q, want one that the files are no pair", warnings)
	}
	f.write(f.key, key)
	want("number 4")
	f.pair(a.issue(time.Now().Add(-time.Hour)))
	want("number 4") // rather than one that has ended

	other := newAuthority(t)
	f.pair(other.issue(time.Now().Add(time.Hour)))
	if got := fault.From(readErr(t, s)); got.Class != fault.Blocked || got.Code() != "tls_refused" || !strings.Contains(got.Error(), "CLIENT_CERT_FILE") {
		t.Errorf("a certificate that the source does not know: %v (%v, %s), want Blocked tls_refused", got, got.Class, got.Code())
	}
	f.pair(cert, key)
	want("number 4")
	f.write(f.caBundle, other.pem())
	if got := fault.From(readErr(t, s)); got.Class != fault.Blocked || got.Code() != "tls_refused" || !strings.Contains(got.Error(), "SLUICE_HTTP_CA_FILE") {
		t.Errorf("a source that the authorities do not know: %v (%v, %s), want Blocked tls_refused", got, got.Class, got.Code())
	}
}

// TestACertificateThatHasEnded is told before the source refuses it.
func TestACertificateThatHasEnded(t *testing.T) {
	t.Parallel()
	a, f := newAuthority(t), newFiles(t)
	srv := mutual(t, a)
	f.write(f.caBundle, a.pem())
	f.pair(a.issue(time.Now().Add(time.Hour)))
	c := Default()
	c.URL = srv.URL
	f.apply(&c)
	s := open(t, c)
	s.identity.pair.Leaf.NotAfter = time.Now().Add(-time.Minute) // time has passed
	f.write(f.key, "")
	if got := fault.From(readErr(t, s)); got.Class != fault.Blocked || got.Code() != "client_certificate" || !strings.Contains(got.Error(), "is empty") {
		t.Errorf("%v (%v, %s), want Blocked client_certificate, the key file being empty", got, got.Class, got.Code())
	}
}

func TestFilesOfCertificatesAreValidated(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	cert, key := a.issue(time.Now().Add(time.Hour))
	_, otherKey := a.issue(time.Now().Add(time.Hour))
	oldCert, oldKey := a.issue(time.Now().Add(-time.Minute))
	for _, tc := range []struct{ name, cert, key, ca, says string }{
		{"as they should be", cert, key, a.pem(), ""},
		{"a key of another certificate", cert, otherKey, a.pem(), "CLIENT_CERT_FILE and the key in CLIENT_KEY_FILE are no pair"},
		{"swapped", key, cert, a.pem(), "are no pair"},
		{"ended", oldCert, oldKey, a.pem(), "has expired on "},
		{"empty", cert, "", a.pem(), "CLIENT_KEY_FILE cannot be read"},
		{"far too long", cert, key, strings.Repeat("x", maxPEM+1), "CA_FILE cannot be read"},
		{"an authority that is none", cert, key, "hello", "CA_FILE holds no certificate"},
	} {
		f := newFiles(t)
		f.pair(tc.cert, tc.key)
		f.write(f.caBundle, tc.ca)
		c := Default()
		c.URL = "https://example.org/"
		f.apply(&c)
		err := c.Validate()
		if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: Validate = %v, want one line that says %q", tc.name, err, tc.says)
		}
	}
}
