package apigateway

import (
	"strings"

	"sluice/internal/awslocal/sigv4"
)

// A Policy decides who may invoke which method, by the rules for callers of the API's own account: an explicit deny
// wins; otherwise one allow is enough, in either list. The zero Policy allows nobody.
type Policy struct {
	Identity []Statement // attached to users and roles
	Resource []Statement // attached to the API; governs public routes too, unless empty
}

// A Statement allows or denies execute-api:Invoke. Conditions are left out.
type Statement struct {
	Deny       bool
	Principals []string // ARNs of users, roles (for all of their sessions) and sessions; "*" is everybody
	Resources  []string // method ARNs, with * and ?
}

// refuses returns the end of the sentence that tells why a caller may not, or "" if it may. A nil caller is anonymous.
func (p Policy) refuses(caller *sigv4.Identity, methodARN string) string {
	allowed := false
	for _, list := range []struct {
		kind       string
		statements []Statement
	}{{"a resource-based", p.Resource}, {"an identity-based", p.Identity}} {
		for _, s := range list.statements {
			if !s.applies(caller, methodARN) {
				continue
			}
			if s.Deny {
				return "with an explicit deny in " + list.kind + " policy"
			}
			allowed = true
		}
	}
	switch {
	case allowed:
		return ""
	case caller == nil:
		return "because no resource-based policy allows the execute-api:Invoke action"
	default:
		return "because no identity-based policy allows the execute-api:Invoke action"
	}
}

func (s Statement) applies(caller *sigv4.Identity, methodARN string) bool {
	for _, p := range s.Principals {
		if p != "*" && !isPrincipal(caller, p) {
			continue
		}
		for _, r := range s.Resources {
			if wildcard(r, methodARN) {
				return true
			}
		}
	}
	return false
}

func isPrincipal(caller *sigv4.Identity, arn string) bool {
	if caller == nil {
		return false
	}
	role, isSession := caller.AssumedRole()
	return arn == caller.ARN || isSession && arn == "arn:aws:iam::"+caller.Account+":role/"+role
}

// wildcard reports whether text matches a pattern in which * stands for any characters and ? for one.
func wildcard(pattern, text string) bool {
	star, mark := -1, 0 // the last * and where in text it began
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
