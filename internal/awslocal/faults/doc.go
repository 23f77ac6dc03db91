// Package faults says what is to go wrong in the stand-in: an ordered list of rules, each of which names calls and what
// happens to them. Of the rules that fit a call the first one acts, and only it.
//
// A Script is data, read from a file or written in Go. Armed, it counts calls, draws from its seed, and tells the server
// which rule a call meets; what the rule then does is the server's part. docs/faults.md describes the file.
package faults
