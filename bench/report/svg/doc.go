// Package svg draws the charts of a report as SVG text: lines with bands, intervals by row, and the order of trials. The
// drawings need no script and no style sheet: colours come as attributes first, and a page may replace them by the classes
// s0 to s5 (styles), axis, grid, mark and zone. Every text that is given is escaped here; texts never overlap, a label that
// finds no place is left out and stays in the tooltip.
package svg
