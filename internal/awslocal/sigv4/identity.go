package sigv4

import "strings"

// An Identity is the caller that a verified signature stands for.
type Identity struct {
	ARN         string // of the user, or of the assumed role with its session name
	UserID      string // the unique id; of a session: the role's id, a colon, the session name
	Account     string // 12 digits
	AccessKeyID string // the key the request was signed with
}

// AssumedRole returns the name of the role whose session the caller uses, and false for a user.
func (i Identity) AssumedRole() (role string, ok bool) {
	_, rest, ok := strings.Cut(i.ARN, ":assumed-role/")
	if !ok {
		return "", false
	}
	role, _, _ = strings.Cut(rest, "/")
	return role, true
}
