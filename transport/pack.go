package transport

// pack splits todo, a list of indexes into recs, into requests: runs of neighbours in the order of todo, as long as caps
// allows. A record larger than MaxBytes gets a request of its own; whether it passes is for the destination to say.
func pack(recs []Record, todo []int, caps Capabilities, size func(Record) int) [][]int {
	var requests [][]int
	for start := 0; start < len(todo); {
		end, bytes := start+1, size(recs[todo[start]])
		for end < len(todo) && (caps.MaxRecords == 0 || end-start < caps.MaxRecords) {
			bytes += size(recs[todo[end]])
			if caps.MaxBytes > 0 && bytes > caps.MaxBytes {
				break
			}
			end++
		}
		requests = append(requests, todo[start:end])
		start = end
	}
	return requests
}
