package result

// The rules of Read that the published schema states too.
var (
	Sets   = sets
	Signed = signed
)
