// Package archtest keeps the architecture: one test reads every Go file of the module and checks who imports whom, and the
// few rules of style that a machine can check. It parses the files itself, because a test that asks the go tool is answered
// from the test cache when the answer has changed.
package archtest
