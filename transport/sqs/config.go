package sqs

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Config says which queue, prefix SLUICE_SQS.
type Config struct {
	QueueURL  string        `split_words:"true" desc:"address of the queue to send to; this or the name"`
	QueueName string        `split_words:"true" desc:"name of the queue to send to, in the account and region of the AWS settings"`
	FairQueue bool          `split_words:"true" default:"false" desc:"on a standard queue, send the key as message group, so that one busy key does not delay the others (AWS may charge extra)"`
	Timeout   time.Duration `split_words:"true" default:"10s" desc:"limit for one request"`
}

// SQS: a queue name has up to 80 letters, digits, hyphens and underscores, the suffix .fifo included.
var queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,75}(\.fifo|[A-Za-z0-9_-]{0,5})$`)

// Validate reports everything that is wrong, not only the first thing.
func (c Config) Validate() error {
	var errs []error
	switch {
	case c.QueueURL == "" && c.QueueName == "":
		errs = append(errs, errors.New("QUEUE_URL is not set; set it or QUEUE_NAME"))
	case c.QueueURL != "" && c.QueueName != "":
		errs = append(errs, errors.New("QUEUE_URL and QUEUE_NAME are both set; unset one"))
	case c.QueueURL != "":
		if u, err := url.Parse(c.QueueURL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.Trim(u.Path, "/") == "" {
			errs = append(errs, fmt.Errorf("QUEUE_URL is %q, want https://sqs.<region>.amazonaws.com/<account>/<name>", c.QueueURL))
		}
	case !queueName.MatchString(c.QueueName):
		errs = append(errs, fmt.Errorf("QUEUE_NAME is %q, want up to 80 letters, digits, - and _, ending in .fifo for a FIFO queue", c.QueueName))
	}
	if c.FairQueue && c.fifo() {
		errs = append(errs, errors.New("FAIR_QUEUE is set for a FIFO queue, which has groups anyway; unset it"))
	}
	if c.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("TIMEOUT is %v, want more than 0", c.Timeout))
	}
	return errors.Join(errs...)
}

// fifo reports whether the queue is a FIFO queue. SQS: only their names end in .fifo, and all of them do.
func (c Config) fifo() bool {
	return strings.HasSuffix(c.QueueURL, ".fifo") || strings.HasSuffix(c.QueueName, ".fifo")
}

// timeoutVariable sets Config.Timeout; texts name it.
const timeoutVariable = "SLUICE_SQS_TIMEOUT"

// where names the queue for people.
func (c Config) where() string {
	if c.QueueName != "" {
		return c.QueueName
	}
	return c.QueueURL
}

// region returns the region in the address of the queue, or "" if it has none.
func (c Config) region() string {
	u, err := url.Parse(c.QueueURL)
	if err != nil {
		return ""
	}
	labels := strings.Split(u.Hostname(), ".")
	if len(labels) >= 4 && labels[0] == "sqs" && labels[2] == "amazonaws" {
		return labels[1]
	}
	return ""
}
