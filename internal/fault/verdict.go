package fault

// A Verdict is a line of a driver's table: something that the service says or does, and what that means. The page
// docs/verdicts.md shows the tables; the drivers decide by them.
type Verdict struct {
	Says      string // for people: "403 with the type AccessDenied"
	Class     Class
	Reason    string
	Whole     bool // of a request with several records: it is halved until the culprit stands alone
	Ambiguous bool // the record may have been taken all the same
	Todo      string
}
