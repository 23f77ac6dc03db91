package farend

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"sluice/bench/workload"
)

// standInName is the name of a stand-in whose name can fail to be found. RFC 6761 keeps what is below localhost for the
// machine itself, so it is nobody else's.
const standInName = "stand-in.localhost"

// A named is what a stand-in needs to be reached by a name: a name server and, since drivers send secrets to a name over
// TLS only, a certificate.
type named struct {
	*nameServer
	certificate tls.Certificate
	roots       *x509.CertPool
	file        string // the certificate, for clients in other processes
}

// nameFor returns what a stand-in needs for the faults of a workload; nil: nothing, an address will do. Close it.
func nameFor(w *workload.Workload) (*named, error) {
	if !slices.ContainsFunc(w.Faults, func(f workload.Fault) bool { return f.Kind == dnsFailure }) {
		return nil, nil
	}
	n := &named{roots: x509.NewCertPool()}
	var err error
	if n.certificate, err = certify(standInName); err != nil {
		return nil, err
	}
	n.roots.AddCert(n.certificate.Leaf)
	if n.file, err = keep(n.certificate.Leaf); err != nil {
		return nil, err
	}
	if n.nameServer, err = startNameServer(standInName); err != nil {
		return nil, errors.Join(err, os.Remove(n.file))
	}
	return n, nil
}

// certify makes a certificate for a name and for 127.0.0.1 that vouches for itself.
func certify(name string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	const year = 365 * 24 * time.Hour // longer than any run
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(year), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}

// keep writes a certificate to a temporary file.
func keep(c *x509.Certificate) (path string, err error) {
	file, err := os.CreateTemp("", "sluice-bench-*.pem")
	if err != nil {
		return "", err
	}
	if err := errors.Join(pem.Encode(file, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}), file.Close()); err != nil {
		return "", errors.Join(err, os.Remove(file.Name()))
	}
	return file.Name(), nil
}

// close ends the name server and removes the file. A nil named has neither.
func (n *named) close() error {
	if n == nil {
		return nil
	}
	return errors.Join(n.nameServer.close(), os.Remove(n.file))
}

// listen returns ln with TLS.
func (n *named) listen(ln net.Listener) net.Listener {
	return tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{n.certificate}, MinVersion: tls.VersionTLS12})
}

// hangUp says which connections end with the answer: those that were made by the name while it cannot be found, since only
// a new connection needs a lookup.
func (n *named) hangUp(r *http.Request) bool {
	return strings.HasPrefix(r.Host, standInName) && n.striking()
}

// client trusts the certificate, in this process.
func (n *named) client() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
		tr.TLSClientConfig = &tls.Config{RootCAs: n.roots, MinVersion: tls.VersionTLS12}
	})
}

// env changes the environment of a sender that was to reach the stand-in by its address.
func (n *named) env(env []string) []string {
	for i, pair := range env {
		env[i] = strings.ReplaceAll(pair, "https://127.0.0.1:", "https://"+standInName+":")
	}
	return append(env, nameServerVariable+"="+n.conn.LocalAddr().String(), "AWS_CA_BUNDLE="+n.file)
}
