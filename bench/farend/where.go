package farend

import (
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"sluice/bench/result"
)

// where says who serves an address.
func where(transport, address string) result.Target {
	t := result.Target{Transport: transport}
	t.Kind, t.Name = kindOf(address)
	if u, err := url.Parse(address); err == nil && t.Kind == result.AWS {
		t.Region = regionOf(u.Hostname())
	}
	return t
}

// ofAmazon are the domains under which AWS serves its own names: those of China and of dual-stack endpoints too. An API
// behind a custom domain is not to be told from any other server.
var ofAmazon = []string{".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws", ".api.amazonwebservices.com.cn"}

// kindOf returns the kind of target that answers at an address, and the address without what may be secret in it.
func kindOf(address string) (kind, name string) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return result.Remote, "an address that cannot be shown"
	}
	name = u.Scheme + "://" + u.Host + u.Path
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	ip := net.ParseIP(host)
	switch {
	case host == "localhost" || ip != nil && ip.IsLoopback():
		return result.Local, name
	case slices.ContainsFunc(ofAmazon, func(domain string) bool { return strings.HasSuffix(host, domain) }):
		return result.AWS, name
	}
	return result.Remote, name
}

// region matches what AWS calls a region: us-east-1, us-gov-west-1, eusc-de-east-1.
var region = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]+$`)

// regionOf returns the region in the name of a host of AWS; empty: there is none. The name of an API or of an endpoint of a
// VPC may look like one too, and stands before it.
func regionOf(host string) string {
	labels := strings.Split(strings.ToLower(host), ".")
	for _, label := range slices.Backward(labels) {
		if region.MatchString(label) {
			return label
		}
	}
	return ""
}
