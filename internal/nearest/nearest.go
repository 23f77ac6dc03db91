// Package nearest finds the name that somebody probably meant.
package nearest

// Name returns the name with the fewest edits between it and key, the first of several; "" if even that one is nothing like
// it: more than half of key, and more than two edits.
func Name(key string, names []string) string {
	best, fewest := "", max(2, len(key)/2)+1
	for _, name := range names {
		if d := distance(key, name); d < fewest {
			best, fewest = name, d
		}
	}
	return best
}

// distance is the number of bytes to insert, delete, replace or swap with their neighbour to make b of a.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
