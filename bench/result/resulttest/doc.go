// Package resulttest makes a run that never took place, for tests of what reads results.json: five transports, six pairs, a
// stall, an invalid trial, searches, and every field filled. The numbers follow from a seed and mean nothing.
package resulttest
