package sts

import (
	"encoding/xml"
	"io"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzSTSForm sends any form: the answer is always one document of XML and never a fault of ours, and nobody gets a
// session who has not asked for a role that trusts the caller, with its external id.
func FuzzSTSForm(f *testing.F) {
	for _, seed := range []url.Values{assume(nil), assume(map[string]string{"DurationSeconds": "900"}), assume(map[string]string{"ExternalId": "ext-2"}),
		assume(map[string]string{"RoleSessionName": "ü"}), assume(map[string]string{"Policy": "{}"}),
		{"Action": {"GetCallerIdentity"}, "Version": {version}}, {"Action": {"Other"}, "Version": {version}}, {"Action": {"AssumeRole"}}} {
		f.Add(seed.Encode())
	}
	f.Add("Action=AssumeRole&Version=2011-06-15&Action=GetCallerIdentity&%zz")
	f.Add("a;b&=&Action=AssumeRole&Version=2011-06-15&DurationSeconds=99999999999999999999")
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		newEngine().ServeSTS(w, r, []byte(body), user)
		if w.Code >= 500 {
			t.Errorf("got %d %q", w.Code, w.Body)
		}
		for d := xml.NewDecoder(strings.NewReader(w.Body.String())); ; {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%v in %q", err, w.Body)
			}
		}
		form, err := url.ParseQuery(body)
		allowed := err == nil && form.Get("RoleArn") == roleARN && form.Get("ExternalId") == "ext-1"
		if strings.Contains(w.Body.String(), "<SecretAccessKey>") && (!allowed || w.Code != 200) {
			t.Errorf("%q was answered %d with a session", body, w.Code)
		}
	})
}
