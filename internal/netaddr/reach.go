package netaddr

import "net/netip"

// Special names what is special about an address that records hardly ever come from, or "" for an ordinary one, public or
// private: "loopback", "link-local", "unspecified", "multicast", "broadcast", "metadata". An IPv4 address in the clothes of
// an IPv6 address (mapped, NAT64, 6to4) is judged as the IPv4 address that it leads to.
func Special(ip netip.Addr) string {
	ip = inner(ip.WithZone(""))
	switch {
	case !ip.IsValid(), ip.IsUnspecified(), ip.Is4() && ip.As4()[0] == 0: // 0.0.0.0/8 is "this network": RFC 1122, section 3.2.1.3
		return "unspecified"
	case ip.IsLoopback():
		return "loopback"
	case metadata.Contains(ip), ip == azure:
		return "metadata"
	case ip.IsLinkLocalUnicast(), siteLocal.Contains(ip):
		return "link-local"
	case ip.IsMulticast():
		return "multicast"
	case ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "broadcast"
	}
	return ""
}

// Metadata reports whether host, a name or an IP address without brackets, is one at which a cloud hands out credentials
// to whoever asks.
func Metadata(host string) bool {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host == "metadata.google.internal"
	}
	ip = inner(ip.WithZone(""))
	switch ip.String() {
	case "169.254.169.254", // instance metadata, of EC2 and most others
		"169.254.170.2",  // credentials of an ECS task
		"169.254.170.23": // credentials of an EKS pod
		return true
	}
	return metadata.Contains(ip) || ip == azure
}

var (
	metadata  = netip.MustParsePrefix("fd00:ec2::/32")   // AWS: instance metadata, time, DNS and pod credentials over IPv6
	azure     = netip.MustParseAddr("168.63.129.16")     // Azure's own agent server
	siteLocal = netip.MustParsePrefix("fec0::/10")       // deprecated by RFC 3879
	nat64     = netip.MustParsePrefix("64:ff9b::/96")    // RFC 6052: the last four bytes
	nat64Own  = netip.MustParsePrefix("64:ff9b:1::/48")  // RFC 8215: local use; /96 by far the most, so the last four bytes
	sixToFour = netip.MustParsePrefix("2002::/16")       // RFC 3056: bytes 2 to 5
	v4Compat  = netip.MustParsePrefix("::/96")           // RFC 4291, section 2.5.5.1, deprecated: the last four bytes
	translate = netip.MustParsePrefix("::ffff:0:0:0/96") // RFC 2765: the last four bytes
)

// inner is the IPv4 address that an IPv6 address leads to, or the address itself.
func inner(ip netip.Addr) netip.Addr {
	ip = ip.Unmap()
	if !ip.Is6() || ip.IsUnspecified() || ip == netip.IPv6Loopback() {
		return ip
	}
	b := ip.As16()
	switch {
	case nat64.Contains(ip), nat64Own.Contains(ip), v4Compat.Contains(ip), translate.Contains(ip):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case sixToFour.Contains(ip):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return ip
}
