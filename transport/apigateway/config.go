package apigateway

import (
	"errors"
	"fmt"
	"mime"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"sluice/internal/netaddr"
	"sluice/internal/secret"
)

// Config says which endpoint, prefix SLUICE_APIGATEWAY.
type Config struct {
	URL            string        `split_words:"true" desc:"address to post to: https://<api>.execute-api.<region>.amazonaws.com/<stage>/<path>, or that of a custom domain"`
	Region         string        `split_words:"true" desc:"region to sign for; empty: the one in the address, else the AWS region"`
	APIKey         secret.Value  `split_words:"true" desc:"API key, sent as x-api-key; a usage plan may demand one"`
	Host           string        `split_words:"true" desc:"Host header, if it is not the host of the address: for a private API called by the name of its VPC endpoint"`
	ContentType    string        `split_words:"true" default:"application/json" desc:"content type of the records"`
	Success        string        `split_words:"true" default:"object" desc:"what counts as accepted: object (200, 201 or 202 with a JSON object without errorMessage) or status (200, 201, 202 or 204 with anything but HTML)"`
	MaxRecordBytes int           `split_words:"true" default:"4194304" desc:"largest record with its headers; the gateway takes 10485760, a function behind it about 4 MiB"`
	Timeout        time.Duration `split_words:"true" default:"35s" desc:"limit for one request; more than the gateway's 29s, or accepted records are sent twice"`
	RejectAfter    int           `split_words:"true" default:"0" desc:"number of answers 500 or 502 to one record, while others are accepted, after which it is set aside; 0: it is repeated without end"`
}

// gatewayTimeout is how long API Gateway waits for what is behind it, unless its quota was raised.
const gatewayTimeout = 29 * time.Second

// Warnings lists what is allowed and still deserves a look, one sentence each.
func (c Config) Warnings() []string {
	if c.Timeout > 0 && c.Timeout <= gatewayTimeout {
		return []string{fmt.Sprintf("%s is %v: API Gateway answers after up to %v, so records may be sent again that were accepted; set more, such as 35s", timeoutVariable, c.Timeout, gatewayTimeout)}
	}
	return nil
}

// timeoutVariable sets Config.Timeout; texts name it.
const timeoutVariable = "SLUICE_APIGATEWAY_TIMEOUT"

const (
	successObject = "object"
	successStatus = "status"
	gatewayLimit  = 10 << 20 // API Gateway: a payload has at most 10 MB
)

var (
	regionName = regexp.MustCompile(`^[a-z]{2,}(-[a-z0-9]+)+$`)
	hostName   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$`)
)

// Validate reports everything that is wrong, not only the first thing.
func (c Config) Validate() error {
	errs := []error{c.validateURL()}
	if c.Region != "" && !regionName.MatchString(c.Region) {
		errs = append(errs, fmt.Errorf("REGION is %q, want a region such as eu-west-1", c.Region))
	}
	if key := c.APIKey.Reveal(); key != "" && !plain(key) {
		errs = append(errs, errors.New("API_KEY has a character that no header can carry; check for a line break at its end"))
	}
	if c.Host != "" && !hostName.MatchString(c.Host) {
		errs = append(errs, fmt.Errorf("HOST is %q, want a host name", c.Host))
	}
	if _, _, err := mime.ParseMediaType(c.ContentType); err != nil || !plain(c.ContentType) {
		errs = append(errs, fmt.Errorf("CONTENT_TYPE is %q, want a media type such as application/json", c.ContentType))
	}
	if !slices.Contains([]string{successObject, successStatus}, c.Success) {
		errs = append(errs, fmt.Errorf("SUCCESS is %q, want %s or %s", c.Success, successObject, successStatus))
	}
	if c.MaxRecordBytes < 1 || c.MaxRecordBytes > gatewayLimit {
		errs = append(errs, fmt.Errorf("MAX_RECORD_BYTES is %d, want 1 to %d", c.MaxRecordBytes, gatewayLimit))
	}
	if c.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("TIMEOUT is %v, want more than 0", c.Timeout))
	}
	if c.RejectAfter < 0 || c.RejectAfter == 1 {
		errs = append(errs, fmt.Errorf("REJECT_AFTER is %d, want 0 or at least 2", c.RejectAfter))
	}
	return errors.Join(errs...)
}

// validateURL says what is wrong with the address. It never shows the query or the user, which may be secret.
func (c Config) validateURL() error {
	if c.URL == "" {
		return errors.New("URL is not set")
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("URL is not an address; want https://<api>.execute-api.<region>.amazonaws.com/<stage>/<path>")
	}
	if u.User != nil || u.Fragment != "" {
		return errors.New("URL has a user or a fragment; remove it")
	}
	if _, err := url.ParseQuery(u.RawQuery); err != nil {
		return errors.New("URL has a query that cannot be read; encode its special characters")
	}
	if u.Scheme == "http" && !netaddr.Loopback(u.Hostname()) {
		return fmt.Errorf("URL is http to %s; use https, since the session token and the API key travel in it", u.Hostname())
	}
	return nil
}

// region returns the region to sign for: the configured one, or the one that the host's name has after execute-api, or
// fallback.
func (c Config) region(u *url.URL, fallback string) string {
	if c.Region != "" {
		return c.Region
	}
	for _, host := range []string{u.Hostname(), c.Host} {
		labels := strings.Split(host, ".")
		if i := slices.Index(labels, "execute-api"); i >= 0 && i+1 < len(labels) && regionName.MatchString(labels[i+1]) {
			return labels[i+1]
		}
	}
	return fallback
}
