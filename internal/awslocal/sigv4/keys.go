package sigv4

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"sync"
	"time"
)

// maxSessions bounds the table: one more session makes it forget the one that expires first.
const maxSessions = 10_000

// MinTokenLength is the least length of a session token; a shorter one could be guessed or taken for another.
const MinTokenLength = 64

// Credentials are what a client signs with. Token and Expires are set for a session only.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	Expires         time.Time
}

type key struct {
	Credentials
	identity Identity
}

// Keys is the table of access keys issued by the stand-in, and of nothing else: a key it did not issue is unknown,
// whatever it looks like. Safe for concurrent use.
type Keys struct {
	account string

	mu       sync.RWMutex
	byID     map[string]key
	sessions int
}

// NewKeys returns an empty table for the users of one account.
func NewKeys(account string) *Keys {
	return &Keys{account: account, byID: map[string]key{}}
}

// AddUser issues a long-lived key to the user of that name. The key starts with LKIA, so that nobody takes it for a
// real one, which would start with AKIA.
func (k *Keys) AddUser(name string) Credentials {
	c := Credentials{AccessKeyID: "LKIA" + RandomID(16), SecretAccessKey: randomText(40)}
	k.put(c, Identity{
		ARN:     fmt.Sprintf("arn:aws:iam::%s:user/%s", k.account, name),
		UserID:  "LIDA" + RandomID(17),
		Account: k.account,
	})
	return c
}

// AddSession issues a temporary key to id, valid until expires, with a token of tokenLength characters, at least
// MinTokenLength. The key starts with LSIA, a real one would start with ASIA.
func (k *Keys) AddSession(id Identity, expires time.Time, tokenLength int) Credentials {
	c := Credentials{
		AccessKeyID:     "LSIA" + RandomID(16),
		SecretAccessKey: randomText(40),
		SessionToken:    randomText(max(tokenLength, MinTokenLength)),
		Expires:         expires,
	}
	k.put(c, id)
	return c
}

// ExpireSessions ends all sessions that were issued so far.
func (k *Keys) ExpireSessions() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, e := range k.byID {
		if e.SessionToken != "" {
			e.Expires = time.Time{}
			k.byID[id] = e
		}
	}
}

func (k *Keys) put(c Credentials, id Identity) {
	id.AccessKeyID = c.AccessKeyID
	k.mu.Lock()
	defer k.mu.Unlock()
	if c.SessionToken != "" {
		if k.sessions == maxSessions {
			k.forgetOldest()
		}
		k.sessions++
	}
	k.byID[c.AccessKeyID] = key{Credentials: c, identity: id}
}

// forgetOldest removes the session that expires first. A linear search is enough: it runs only once the table is full.
func (k *Keys) forgetOldest() {
	oldest := ""
	for id, e := range k.byID {
		if e.SessionToken != "" && (oldest == "" || e.Expires.Before(k.byID[oldest].Expires)) {
			oldest = id
		}
	}
	delete(k.byID, oldest)
	k.sessions--
}

func (k *Keys) get(id string) (key, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	e, ok := k.byID[id]
	return e, ok
}

// RandomID returns n characters in the alphabet of AWS's unique ids, 5 random bits each.
func RandomID(n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand never returns an error: it ends the process instead
	for i := range b {
		b[i] = alphabet[b[i]%32]
	}
	return string(b)
}

// randomText returns n characters in the alphabet of base64, 6 random bits each.
func randomText(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return base64.StdEncoding.EncodeToString(b)[:n]
}
