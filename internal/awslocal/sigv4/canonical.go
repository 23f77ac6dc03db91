package sigv4

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// rawTarget returns path and query exactly as the request line has them, without scheme and host if it is absolute.
func rawTarget(r *http.Request) (path, query string) {
	target := r.RequestURI
	if target == "" { // not read from a connection
		target = r.URL.RequestURI()
	}
	if _, rest, ok := strings.Cut(target, "://"); ok && !strings.HasPrefix(target, "/") {
		target = ""
		if i := strings.IndexAny(rest, "/?"); i >= 0 {
			target = rest[i:]
		}
	}
	path, query, _ = strings.Cut(target, "?")
	if path == "" {
		path = "/"
	}
	return path, query
}

// canonicalPaths returns the forms of path that a client may have signed: as sent, and with dot segments and empty
// segments taken out, because AWS's Python and Java signers take them out and the others do not. Each is escaped
// once more, unless once is set, as it is for S3.
func canonicalPaths(path string, once bool) []string {
	paths := []string{path}
	if n := normalize(path); n != path {
		paths = append(paths, n)
	}
	for i, p := range paths {
		if once {
			p = unescape(p, false)
		}
		paths[i] = escape(p, true)
	}
	return paths
}

// normalize removes "." and empty segments, and resolves ".." against the segment before it.
func normalize(path string) string {
	var out []string
	for seg := range strings.SplitSeq(path, "/") {
		switch seg {
		case "", ".":
		case "..":
			out = out[:max(len(out)-1, 0)]
		default:
			out = append(out, seg)
		}
	}
	clean := "/" + strings.Join(out, "/")
	if strings.HasSuffix(path, "/") && len(out) > 0 {
		clean += "/"
	}
	return clean
}

// canonicalQuery decodes every name and value, encodes them anew and sorts by name, then by value.
func canonicalQuery(query string) string {
	type pair struct{ name, value string }
	var pairs []pair
	for part := range strings.SplitSeq(query, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		pairs = append(pairs, pair{escape(unescape(name, true), false), escape(unescape(value, true), false)})
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
	var b strings.Builder
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.name + "=" + p.value)
	}
	return b.String()
}

// canonicalHeaders returns one line per name, and false if the request lacks one of them.
func canonicalHeaders(r *http.Request, names []string) (lines string, complete bool) {
	complete = true
	var b strings.Builder
	for _, name := range names {
		b.WriteString(name + ":")
		values := headerValues(r, name)
		complete = complete && len(values) > 0
		for i, v := range values {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(trim(v))
		}
		b.WriteByte('\n')
	}
	return b.String(), complete
}

// headerValues returns the values of a header that net/http may have moved out of the header map.
func headerValues(r *http.Request, name string) []string {
	if name == "host" {
		return []string{r.Host}
	}
	values := r.Header.Values(name)
	switch {
	case len(values) > 0:
		return values
	case name == "content-length" && r.ContentLength >= 0:
		return []string{strconv.FormatInt(r.ContentLength, 10)}
	case name == "transfer-encoding":
		return r.TransferEncoding
	}
	return nil
}

// trim removes spaces around s and makes one space of every run of them inside.
func trim(s string) string {
	s = strings.TrimSpace(s)
	for strings.Contains(s, "  ") {
		s = strings.ReplaceAll(s, "  ", " ")
	}
	return s
}

// escape encodes every byte that RFC 3986 does not call unreserved, and the slash unless keepSlash is set.
func escape(s string, keepSlash bool) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '-', c == '_', c == '.', c == '~', c == '/' && keepSlash:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// unescape decodes %XX, and a plus to a space if plus is set. A percent sign without two hexadecimal digits stands for itself.
func unescape(s string, plus bool) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		if s[i] == '+' && plus {
			b.WriteByte(' ')
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
