package telemetry

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"sluice/internal/secret"
)

// A TapWish is what to see of the data on its way through a daemon.
type TapWish struct {
	Stage  string  // one of Stages; empty: all
	Limit  int     // lines after which to end; 0: none
	Sample float64 // share of what is seen that is shown, above 0 and up to 1; 0: all
}

// maxTapLine is the longest line of a tap that is read: what is shown of a body, every byte of it escaped, and the rest.
const maxTapLine = 1 << 20

// ErrTapEnded is returned by Tap when the daemon ends it.
var ErrTapEnded = errors.New("the daemon has ended the tap: it stops, or we were too slow")

// Tap opens a tap at the admin port at addr and calls see for each line, as it came and as it is read, until ctx ends, see
// fails, or the wish is fulfilled; then it returns nil or the error of see. The token of the port may be unset.
func Tap(ctx context.Context, addr string, token secret.Value, wish TapWish, see func(raw []byte, line TapLine) error) error {
	query := url.Values{}
	if wish.Stage != "" {
		query.Set("stage", wish.Stage)
	}
	if wish.Limit > 0 {
		query.Set("limit", strconv.Itoa(wish.Limit))
	}
	if wish.Sample > 0 {
		query.Set("sample", strconv.FormatFloat(wish.Sample, 'g', -1, 64))
	}
	req, err := adminRequest(ctx, addr, "/api/tap?"+query.Encode(), token)
	if err != nil {
		return err
	}
	req.Header.Set(TapHeader, "yes")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // and no proxy
	resp, err := client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(resp.Body, maxMessage))
		return fmt.Errorf("the admin port answers %s: %s", resp.Status, Sanitize(strings.TrimSpace(string(why)), maxMessage))
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxTapLine)
	n := 0
	for lines.Scan() {
		var line TapLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return fmt.Errorf("what comes from %s is no tap: %w", addr, err)
		}
		if err := see(lines.Bytes(), line); err != nil {
			return err
		}
		n++
	}
	switch {
	case ctx.Err() != nil, wish.Limit > 0 && n >= wish.Limit:
		return nil
	case lines.Err() != nil:
		return fmt.Errorf("%w (%w)", ErrTapEnded, lines.Err())
	}
	return ErrTapEnded
}
