package transport

// A Record is one unit of data on its way from a source to a destination. Read-only once it has left its Parser.
type Record struct {
	// ID names the datum, not the attempt: reading the same datum again yields the same ID. It depends on stream,
	// key, version and content, so that a changed datum is never taken for a repeated one. ASCII letters, digits and
	// "-", 1 to 64 characters.
	ID      string
	Key     string            // groups records that belong together (FIFO group, fair-queue tenant); empty: none
	Body    []byte            // delivered byte for byte, whatever it contains
	Headers map[string]string // travel beside Body; names ASCII, values UTF-8; nil most of the time
}
