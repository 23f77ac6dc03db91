// Package result holds what a benchmark run has measured, as it stands in results.json: raw enough that every table, page
// and verdict can be computed from it again. The file's form is published as schema.json beside this package.
package result
