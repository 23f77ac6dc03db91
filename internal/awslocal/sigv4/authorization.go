package sigv4

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

const algorithm = "AWS4-HMAC-SHA256"

// signed is what a request says about its own signature.
type signed struct {
	accessKeyID, date, region, service string // of the credential scope
	headers                            []string
	signature                          string
	time                               time.Time // UTC, whole seconds
}

func (s *signed) scope() string {
	return strings.Join([]string{s.date, s.region, s.service, "aws4_request"}, "/")
}

// parseAuthorization reads the Authorization header. Its complaints are worded as AWS words them.
func parseAuthorization(h http.Header) (*signed, *Error) {
	values := h.Values("Authorization")
	switch {
	case len(values) == 0 || values[0] == "" && len(values) == 1:
		return nil, refuse(MissingToken, "Missing Authentication Token")
	case len(values) > 1:
		return nil, refuse(Incomplete, "The request has more than one Authorization header.")
	}
	auth := values[0]
	name, rest, _ := strings.Cut(auth, " ")
	if !strings.HasPrefix(name, "AWS4-") {
		first, _, _ := strings.Cut(auth, ",")
		return nil, refuse(Incomplete, fmt.Sprintf(
			"'%s' not a valid key=value pair (missing equal-sign) in Authorization header: '%s'.", first, auth))
	}
	if name != algorithm {
		return nil, refuse(Incomplete, fmt.Sprintf("Unsupported AWS 'algorithm': '%s'.", name))
	}
	fields, refused := parseFields(rest, auth)
	if refused != nil {
		return nil, refused
	}
	s := &signed{signature: fields["Signature"], headers: strings.Split(strings.ToLower(fields["SignedHeaders"]), ";")}
	slices.Sort(s.headers)
	s.headers = slices.Compact(s.headers)
	return s, s.readCredential(fields["Credential"])
}

// parseFields splits "Credential=…, SignedHeaders=…, Signature=…".
func parseFields(list, auth string) (map[string]string, *Error) {
	fields := map[string]string{}
	for part := range strings.SplitSeq(list, ",") {
		part = strings.TrimSpace(part)
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			return nil, refuse(Incomplete, fmt.Sprintf(
				"'%s' not a valid key=value pair (missing equal-sign) in Authorization header: '%s'.", part, auth))
		}
		if _, twice := fields[name]; twice {
			return nil, refuse(Incomplete, fmt.Sprintf("Authorization header has '%s' more than once.", name))
		}
		fields[name] = value
	}
	var missing []string
	for _, name := range []string{"Credential", "Signature", "SignedHeaders"} {
		if fields[name] == "" {
			missing = append(missing, fmt.Sprintf("Authorization header requires '%s' parameter.", name))
		}
	}
	if len(missing) > 0 {
		return nil, refuse(Incomplete, strings.Join(missing, " ")+" Authorization="+algorithm)
	}
	return fields, nil
}

func (s *signed) readCredential(credential string) *Error {
	parts := strings.Split(credential, "/")
	if len(parts) != 5 {
		return refuse(Incomplete, fmt.Sprintf(
			"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'", credential))
	}
	s.accessKeyID, s.date, s.region, s.service = parts[0], parts[1], parts[2], parts[3]
	if parts[4] != "aws4_request" {
		return refuse(WrongScope, fmt.Sprintf(
			"Credential should be scoped with a valid terminator: 'aws4_request', not '%s'. ", parts[4]))
	}
	return nil
}

// readDate takes the time of signing from X-Amz-Date, or from Date if that is absent.
func (s *signed) readDate(h http.Header) *Error {
	name := "X-Amz-Date"
	if h.Get(name) == "" {
		name = "Date"
	}
	values := h.Values(name)
	if len(values) == 0 {
		return refuse(Incomplete, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization="+algorithm)
	}
	t, err := time.Parse(basicFormat, values[0])
	if err != nil && name == "Date" {
		t, err = http.ParseTime(values[0])
	}
	if err != nil || len(values) > 1 {
		return refuse(Incomplete, fmt.Sprintf(
			"Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", strings.Join(values, ",")))
	}
	s.time = t.UTC()
	if name == "Date" && !slices.Contains(s.headers, "date") {
		return refuse(UnsignedHeader, "'Date' must be a 'SignedHeader' in the AWS Authorization.")
	}
	return nil
}

func (s *signed) checkScope(service, region string) *Error {
	switch day := s.time.Format("20060102"); {
	case s.service != service:
		return refuse(WrongScope, fmt.Sprintf("Credential should be scoped to correct service: '%s'. ", service))
	case s.region != region:
		return refuse(WrongScope, fmt.Sprintf("Credential should be scoped to a valid region, not '%s'. ", s.region))
	case s.date != day:
		return refuse(WrongScope, fmt.Sprintf(
			"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.",
			s.date, day, s.time.Format(basicFormat)))
	}
	return nil
}

func (s *signed) checkWindow(now time.Time) *Error {
	now = now.UTC()
	at, clock := s.time.Format(basicFormat), now.Format(basicFormat)
	if limit := now.Add(-window); s.time.Before(limit.Truncate(time.Second)) {
		return refuse(OutsideWindow, fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - 5 min.)",
			at, limit.Format(basicFormat), clock))
	}
	if limit := now.Add(window); s.time.After(limit) {
		return refuse(OutsideWindow, fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + 5 min.)",
			at, limit.Format(basicFormat), clock))
	}
	return nil
}

// checkSignedHeaders demands what would otherwise be open to change on the way: the host and everything of AWS's own.
func (s *signed) checkSignedHeaders(h http.Header) *Error {
	if !slices.Contains(s.headers, "host") {
		return refuse(UnsignedHeader, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	for name, values := range h {
		lower := strings.ToLower(name)
		if !strings.HasPrefix(lower, "x-amz-") {
			continue
		}
		if !slices.Contains(s.headers, lower) {
			return refuse(UnsignedHeader, fmt.Sprintf("'%s' must be a 'SignedHeader' in the AWS Authorization.", lower))
		}
		if lower == "x-amz-security-token" && len(values) > 1 {
			return refuse(InvalidToken, invalidToken)
		}
	}
	if claim := h.Get("X-Amz-Content-Sha256"); claim == "UNSIGNED-PAYLOAD" || strings.HasPrefix(claim, "STREAMING-") {
		return refuse(UnsignedPayload, fmt.Sprintf("The body must be signed; the stand-in does not accept '%s' as X-Amz-Content-Sha256.", claim))
	}
	return nil
}
