package netaddr

import (
	"net/netip"
	"testing"
)

func TestSpecial(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"203.0.113.9": "", "10.0.0.1": "", "172.16.0.1": "", "192.168.1.1": "", "100.64.0.1": "", "8.8.8.8": "", "2606:4700::1": "", "fd12::1": "",
		"127.0.0.1": "loopback", "127.255.255.254": "loopback", "::1": "loopback", "::ffff:127.0.0.1": "loopback", "::7f00:1": "loopback",
		"0.0.0.0": "unspecified", "0.1.2.3": "unspecified", "::": "unspecified", "::ffff:0.0.0.0": "unspecified",
		"169.254.169.254": "link-local", "169.254.170.2": "link-local", "fe80::1": "link-local", "fe80::1%eth0": "link-local", "febf::1": "link-local", "fec0::1": "link-local",
		"::ffff:169.254.169.254": "link-local", "64:ff9b::a9fe:a9fe": "link-local", "64:ff9b:1::a9fe:a9fe": "link-local", "2002:a9fe:a9fe::1": "link-local", "::ffff:0:a9fe:a9fe": "link-local",
		"fd00:ec2::254": "metadata", "fd00:ec2::23": "metadata", "168.63.129.16": "metadata",
		"224.0.0.1": "multicast", "ff02::1": "multicast", "255.255.255.255": "broadcast",
		"64:ff9b::cb00:7109": "", "2002:cb00:7109::1": "",
	} {
		if got := Special(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	if got := Special(netip.Addr{}); got != "unspecified" {
		t.Errorf("no address: %q, want unspecified", got)
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"169.254.169.254": true, "169.254.170.2": true, "169.254.170.23": true, "fd00:ec2::254": true, "::ffff:169.254.169.254": true,
		"168.63.129.16": true, "metadata.google.internal": true, "169.254.1.1": false, "127.0.0.1": false, "feed.example": false, "": false,
	} {
		if got := Metadata(host); got != want {
			t.Errorf("%q: %v, want %v", host, got, want)
		}
	}
}
