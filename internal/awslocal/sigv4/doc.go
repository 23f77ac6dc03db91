// Package sigv4 verifies AWS Signature Version 4 the way the services do, and keeps the table of access keys that the
// stand-in has issued.
//
// It computes the canonical request from what arrived: the raw request line, the headers and the hash of the body
// received. It shares no code with any signer, so that a misunderstanding of the protocol cannot hide on both sides.
// Only the Authorization header is accepted; presigned queries and unsigned payloads are refused.
package sigv4
