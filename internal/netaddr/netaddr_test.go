package netaddr

import "testing"

func TestLoopback(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.8.9.1": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "0.0.0.0": false, "::": false, "10.0.0.1": false, "localhost.example.com": false, "stand-in.localhost": false,
		"127.0.0.1.example.com": false, "[::1]": false, "fe80::1": false,
	} {
		if got := Loopback(host); got != want {
			t.Errorf("%q: %v, want %v", host, got, want)
		}
	}
}

func TestLegalPort(t *testing.T) {
	t.Parallel()
	for port, want := range map[string]bool{"": true, "0": true, "4222": true, "65535": true, "65536": false, "-1": false, "http": false, " 80": false} {
		if got := LegalPort(port); got != want {
			t.Errorf("%q: %v, want %v", port, got, want)
		}
	}
}
