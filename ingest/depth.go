package ingest

// maxDepth is how deep a record may be nested. Real records are rarely deeper than 20; what is far deeper is made to exhaust
// the stack of whoever parses it, and we hand records on to others.
const maxDepth = 64

// tooDeep reports whether valid JSON is nested more than maxDepth levels deep.
func tooDeep(item []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(item); i++ {
		switch c := item[i]; {
		case quoted && c == '\\':
			i++ // what is escaped ends no string
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
