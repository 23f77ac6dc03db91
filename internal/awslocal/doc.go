// Package awslocal is the stand-in: SQS, STS and an API Gateway REST API on one address of the loopback interface.
//
// It shares no code with the drivers that are tested against it, so that both cannot share a misunderstanding of a
// protocol. It verifies every signature, issues its own keys, and rejects what the services reject. What it leaves out,
// and what of it was never compared with AWS, is listed in GAPS.md.
package awslocal
