// Package sts is the stand-in's Security Token Service: AssumeRole and GetCallerIdentity over the query protocol.
//
// It issues sessions into the same table of keys that every request of the stand-in is verified against, so expiry and
// session tokens are enforced from end to end.
package sts
