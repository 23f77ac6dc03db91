// Package simulation runs the whole daemon in virtual time: the real HTTP source, pipeline, drivers, credentials,
// checkpoint and dead-letter file on one side, the stand-in of AWS and a paged API on the other, and connections in memory
// between them. A seed makes a script of faults, the language of docs/faults.md, and a list of lives that end by a stop or
// a crash. An oracle outside issues the records, looks at every cursor that is saved, and reads the queue.
//
// It has tests only.
package simulation
