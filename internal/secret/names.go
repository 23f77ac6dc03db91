package secret

import (
	"slices"
	"strings"
)

// params are query parameters that carry credentials, as plain has them.
var params = []string{
	"key", "apikey", "apitoken", "accesskey", "accesstoken", "subscriptionkey", "appkey", "appid", "token", "authtoken", "auth", "authorization",
	"secret", "clientsecret", "apisecret", "password", "passwd", "pwd", "sig", "signature", "session", "sessionid", "jwt", "code",
}

// headerEnds are what the names of headers that carry credentials end with: Authorization, X-Api-Key, Private-Token.
var headerEnds = []string{
	"authorization", "auth", "key", "token", "secret", "password", "cookie", "signature", "session", "jwt", "credential", "credentials",
}

// fieldEnds are what the names of fields that hold credentials end with. Not "key" and "code" alone: in records these are as
// often the number of a ticket or a country.
var fieldEnds = []string{
	"password", "passwd", "passphrase", "pwd", "secret", "token", "apikey", "accesskey", "accesskeyid", "secretkey", "privatekey", "signingkey",
	"authorization", "cookie", "jwt", "credential", "credentials", "sessionid",
}

// places are what the names of tokens begin with that lead to a next page and open nothing.
var places = []string{"next", "prev", "page", "cursor", "continuation", "sync", "delta", "start", "after", "before"}

// Param reports whether the value of a query parameter of this name has to be taken for a secret.
func Param(name string) bool { return slices.Contains(params, plain(name)) }

// Header reports whether the value of a header of this name has to be taken for a secret.
func Header(name string) bool { return endsWith(plain(name), headerEnds) }

// Field reports whether what stands under this name in a document has to be taken for a secret.
func Field(name string) bool {
	name = plain(name)
	leads := slices.ContainsFunc(places, func(p string) bool { return strings.HasPrefix(name, p) && strings.HasSuffix(name, "token") })
	return !leads && endsWith(name, fieldEnds)
}

// Flag reports whether what follows a flag of this name has to be taken for a secret: --token x, --password=x.
func Flag(name string) bool { return Field(name) || endsWith(plain(name), []string{"auth", "pat"}) }

func endsWith(name string, ends []string) bool {
	return slices.ContainsFunc(ends, func(end string) bool { return strings.HasSuffix(name, end) })
}

// plain is a name in lower case without what separates its words.
func plain(name string) string {
	return strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(name))
}
