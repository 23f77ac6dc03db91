package sqs

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
)

// attributesDigest is MD5OfMessageAttributes in lowercase hex, and empty where there are no attributes. SQS: over the
// attributes sorted by name, each as length and name, length and type, one byte that is 1 for a string and 2 for a binary
// value, length and value; lengths are 4 bytes, big endian.
func attributesDigest(sorted []attribute) string {
	if len(sorted) == 0 {
		return ""
	}
	var b []byte
	for _, a := range sorted {
		b = appendSized(b, a.name)
		b = appendSized(b, a.typ)
		if a.binary {
			b = append(b, 2)
		} else {
			b = append(b, 1)
		}
		b = appendSized(b, a.value)
	}
	return hexDigest(md5.Sum(b))
}

// traceDigest is MD5OfMessageSystemAttributes, by the same rule.
func traceDigest(trace string) string {
	if trace == "" {
		return ""
	}
	return attributesDigest([]attribute{{name: "AWSTraceHeader", typ: "String", value: trace}})
}

func appendSized(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}

func hexDigest(sum [16]byte) string { return hex.EncodeToString(sum[:]) }
