package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"sluice/internal/secret"
)

// HealthCheck asks the admin port at addr, as SLUICE_ADMIN_ADDR has it, for path, /healthz or /readyz, and returns nil if
// the answer is 200. Otherwise the error says why, with the reasons of /readyz. It takes at most five seconds. The token of
// the port may be unset.
func HealthCheck(ctx context.Context, addr, path string, token secret.Value) error {
	ctx, cancel := context.WithTimeout(ctx, headerTimeout)
	defer cancel()
	req, err := adminRequest(ctx, addr, path, token)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // and no proxy
	start := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("no answer from %s within %v", addr, time.Since(start).Round(time.Millisecond))
		}
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return err
	}
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	var r Readiness
	if json.Unmarshal(body, &r) != nil || len(r.Reasons) == 0 {
		return fmt.Errorf("%s answers %s", path, resp.Status)
	}
	why := make([]string, len(r.Reasons))
	for i, reason := range r.Reasons {
		why[i] = fmt.Sprintf("%s %s since %s: %s", reason.Part, reason.Reason, reason.Since.Format(time.RFC3339), reason.Message)
	}
	return errors.New("not ready: " + strings.Join(why, "; "))
}

// adminRequest makes a request to the admin port at addr, as SLUICE_ADMIN_ADDR has it, with the token if it is set.
func adminRequest(ctx context.Context, addr, path string, token secret.Value) (*http.Request, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("address of the admin port: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost" // it listens everywhere, so here too
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+path, nil)
	if err != nil {
		return nil, err
	}
	if token.IsSet() {
		req.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	return req, nil
}
