// Package apigateway delivers records to an endpoint of Amazon API Gateway that is protected by AWS_IAM.
//
// A record becomes one POST, signed with Signature Version 4 for the service execute-api. Its Body is the body of the
// request, byte for byte. Where the content type says text or JSON, a body that is not UTF-8 is rejected, because the
// gateway would hand it on altered. Beside the body travel these headers, all of them signed:
//
//	X-Sluice-Record-Id      the ID, by which the receiver drops repeats
//	X-Sluice-Record-Key     the Key, if there is one
//	X-Sluice-Header-<name>  each of the Headers
//	X-Api-Key               the API key, if one is set
//
// A key or header value that does not survive HTTP as it is (not printable ASCII, a percent sign, a space at an end or
// two in a row) is percent-encoded: decoding it once, as a path segment of a URL is decoded, yields the value in every
// case. The ID's header is not called Idempotency-Key, because Go's HTTP client repeats such a POST on its own when a
// connection breaks.
//
// A record is accepted if the answer has status 200, 201 or 202, says that it is JSON, and is an object of at most
// 64 KiB without "errorMessage", which is how a failed function looks behind an integration that is not a proxy.
// Config.Success relaxes this. A gateway takes 10 MiB, but a function behind it 6 MB of JSON in which the body is quoted;
// so the largest record is 4 MiB unless Config.MaxRecordBytes says otherwise.
//
// The verdicts are the table in rules.go, which docs/verdicts.md shows; package awscreds has those for credentials and network.
package apigateway
