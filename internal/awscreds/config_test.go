package awscreds

import (
	"strings"
	"testing"
	"time"
)

func TestValidateReportsEverything(t *testing.T) {
	c := Config{ARN: "role", ExternalID: "a b", SessionName: "x y", Duration: time.Minute, STSRegion: "Mars"}
	err := c.Validate()
	if err == nil {
		t.Fatal("Validate accepts nonsense")
	}
	for _, want := range []string{"ARN is", "EXTERNAL_ID has", "SESSION_NAME is", "DURATION is", "STS_REGION is"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "a b") {
		t.Errorf("the external id is shown: %v", err)
	}
	for name, c := range map[string]Config{
		"zero": {},
		"role": {ARN: "arn:aws:iam::000000000000:role/sluice", ExternalID: "x:/1", SessionName: "s@h", Duration: 12 * time.Hour, STSRegion: "us-gov-west-1"},
		"path": {ARN: "arn:aws-cn:iam::123456789012:role/a/b/c", Duration: 15 * time.Minute},
	} {
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (Config{ExternalID: "abc"}).Validate(); err == nil || !strings.HasPrefix(err.Error(), "EXTERNAL_ID") {
		t.Errorf("an external id without a role: got %v", err)
	}
}

func TestSessionNameIsAlwaysAccepted(t *testing.T) {
	for host, want := range map[string]string{
		"":                         "sluice",
		"web-1.example":            "sluice-web-1.example",
		"böse maschine":            "sluice-b-se-maschine",
		strings.Repeat("long", 40): "sluice-" + strings.Repeat("long", 14) + "l",
	} {
		got := sessionNameOf(host)
		if got != want {
			t.Errorf("sessionNameOf(%q) = %q, want %q", host, got, want)
		}
		if !sessionName.MatchString(got) {
			t.Errorf("STS refuses %q", got)
		}
	}
}
