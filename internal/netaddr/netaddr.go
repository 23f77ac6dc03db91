// Package netaddr judges parts of addresses, wherever a setting holds one.
package netaddr

import (
	"net/netip"
	"strconv"
)

// Loopback reports whether host, a name or an IP address without brackets, is reached from this machine only, so that what
// goes there in plain text passes no other. Names below localhost do not count: a resolver or a proxy may send them elsewhere.
func Loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// LegalPort reports whether s is a port, or nothing, which means the usual one.
func LegalPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return s == "" || err == nil
}
