package awscreds

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

func TestTapIsHandedEveryConnection(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", "LKIAEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	var opened atomic.Int32
	a, err := Load(t.Context(), Config{Tap: func(conn net.Conn) net.Conn {
		opened.Add(1)
		return conn
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	client := a.HTTPClient()
	for range 3 {
		response, err := client.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
	if got := opened.Load(); got != 1 {
		t.Errorf("the tap was handed %d connections, want the one that three requests shared", got)
	}
	client.CloseIdleConnections()
	if response, err := client.Get(server.URL); err == nil {
		_ = response.Body.Close()
	}
	if got := opened.Load(); got != 2 {
		t.Errorf("the tap was handed %d connections, want 2", got)
	}
}
