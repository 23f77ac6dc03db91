package sts

import (
	"encoding/xml"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"sluice/internal/awslocal/sigv4"
)

// AssumeRole gives a trusted caller a session of a role.
//
// It checks who asks, the external id, all lengths, patterns and durations, and limits a session got with another
// session (role chaining) to one hour. It leaves out session policies, session tags, MFA and provided contexts: a
// request that has one of them is refused, since a session with more rights than asked for would be worse.
type assumeRoleResponse struct {
	XMLName         xml.Name `xml:"AssumeRoleResponse"`
	Namespace       string   `xml:"xmlns,attr"`
	SourceIdentity  string   `xml:"AssumeRoleResult>SourceIdentity,omitempty"`
	AssumedRoleID   string   `xml:"AssumeRoleResult>AssumedRoleUser>AssumedRoleId"`
	ARN             string   `xml:"AssumeRoleResult>AssumedRoleUser>Arn"`
	AccessKeyID     string   `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
	SecretAccessKey string   `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
	SessionToken    string   `xml:"AssumeRoleResult>Credentials>SessionToken"`
	Expiration      string   `xml:"AssumeRoleResult>Credentials>Expiration"`
	Metadata        metadata `xml:"ResponseMetadata"`
}

const (
	shortest = 15 * time.Minute // STS: 900 to 43,200 seconds
	longest  = 12 * time.Hour
	chained  = time.Hour // STS: at most one hour for a session got with a session
	maxToken = 4096      // STS: size of a session token
)

func (e *Engine) assumeRole(form url.Values, caller sigv4.Identity) (any, *fault) {
	in, refused := parseAssumeRole(form)
	if refused != nil {
		return nil, refused
	}
	role, ok := e.roles[in.roleARN]
	if !ok || !e.trusts(role, caller) || role.ExternalID != "" && role.ExternalID != in.externalID {
		return nil, &fault{"AccessDenied", 403, fmt.Sprintf(
			"User: %s is not authorized to perform: sts:AssumeRole on resource: %s", caller.ARN, in.roleARN)}
	}
	if _, isSession := caller.AssumedRole(); isSession && in.duration > chained {
		return nil, invalid("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	}
	if in.duration > role.MaxSession {
		return nil, invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	id := sigv4.Identity{
		ARN:     fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", e.options.Account, role.Name, in.sessionName),
		UserID:  role.ID + ":" + in.sessionName,
		Account: e.options.Account,
	}
	expires := e.options.Now().Add(in.duration).UTC().Truncate(time.Second)
	c := e.options.Keys.AddSession(id, expires, max(e.options.TokenLength, in.minToken))
	return &assumeRoleResponse{
		SourceIdentity: in.sourceIdentity, AssumedRoleID: id.UserID, ARN: id.ARN,
		AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken,
		Expiration: expires.Format(time.RFC3339),
	}, nil
}

// trusts reports whether role names the caller, or the role whose session the caller is.
func (e *Engine) trusts(role Role, caller sigv4.Identity) bool {
	if slices.Contains(role.Trusts, caller.ARN) {
		return true
	}
	name, isSession := caller.AssumedRole()
	return isSession && slices.Contains(role.Trusts, e.roleARN(name))
}

type assumeRoleRequest struct {
	roleARN, sessionName, externalID, sourceIdentity string
	duration                                         time.Duration
	minToken                                         int
}

func parseAssumeRole(form url.Values) (assumeRoleRequest, *fault) {
	for name := range form {
		if notSupported.MatchString(name) {
			return assumeRoleRequest{}, invalid("The stand-in does not enforce " + name + "; leave it out.")
		}
	}
	c := checker{form: form}
	in := assumeRoleRequest{
		roleARN:        c.text("RoleArn", true, 20, 2048, anyCharacter),
		sessionName:    c.text("RoleSessionName", true, 2, 64, nameCharacters),
		externalID:     c.text("ExternalId", false, 2, 1224, idCharacters),
		sourceIdentity: c.text("SourceIdentity", false, 2, 64, nameCharacters),
		duration:       time.Duration(c.number("DurationSeconds", 3600, int(shortest.Seconds()), int(longest.Seconds()))) * time.Second,
		minToken:       c.number("MinimumSessionTokenSize", 0, 0, maxToken),
	}
	if refused := c.result(); refused != nil {
		return in, refused
	}
	if !roleARNs.MatchString(in.roleARN) {
		return in, invalid(strconv.Quote(in.roleARN) + " is not the ARN of a role")
	}
	return in, nil
}
