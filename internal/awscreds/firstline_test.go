package awscreds

import (
	"strings"
	"testing"
)

func TestFirstLineShowsNoToken(t *testing.T) {
	token := strings.Repeat("IQoJb3JpZ2luX2Vj+/", 40)
	got := FirstLine("not authorized: x-amz-security-token:" + token + " on arn:aws:sqs:us-east-1:000000000000:records\nmore")
	if want := "not authorized: x-amz-security-token:*** on arn:aws:sqs:us-east-1:000000000000:records"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
