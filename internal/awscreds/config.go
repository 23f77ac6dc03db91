package awscreds

import (
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"time"
)

// Config says which role to assume, prefix SLUICE_ROLE. The zero Config assumes none. All else about AWS is set by the
// SDK's own AWS_* variables.
type Config struct {
	ARN         string        `split_words:"true" desc:"role to assume at STS before delivering; empty: the credentials of the AWS_* settings as they are"`
	ExternalID  string        `split_words:"true" desc:"external id that the role's trust policy demands"`
	SessionName string        `split_words:"true" desc:"name of the session in CloudTrail; empty: sluice-<host name>"`
	Duration    time.Duration `split_words:"true" default:"1h" desc:"life of the role's credentials, 15m to 12h and no more than the role allows"`
	STSRegion   string        `split_words:"true" desc:"region of the STS endpoint; empty: the AWS region"`

	// Tap is handed every connection that is opened, and returns what is to be used in its place; nil: as it is. It is
	// for counting what goes over the wire.
	Tap func(net.Conn) net.Conn `ignored:"true"`
}

const (
	defaultDuration = time.Hour
	minDuration     = 15 * time.Minute // STS: DurationSeconds is 900 to 43,200
	maxDuration     = 12 * time.Hour
	maxSessionName  = 64   // STS: a session name has 2 to 64 characters
	maxExternalID   = 1224 // STS: an external id has 2 to 1,224 characters
)

var (
	roleARN     = regexp.MustCompile(`^arn:[a-z0-9-]+:iam::[0-9]{12}:role/.{1,576}$`)
	sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	externalID  = regexp.MustCompile(`^[\w+=,.@:/-]+$`)
	regionName  = regexp.MustCompile(`^[a-z]{2,}(-[a-z0-9]+)+$`)
	notInName   = regexp.MustCompile(`[^\w+=,.@-]+`)
)

// Validate reports everything that is wrong, not only the first thing.
func (c Config) Validate() error {
	var errs []error
	if c.ARN == "" {
		for name, value := range map[string]string{"EXTERNAL_ID": c.ExternalID, "SESSION_NAME": c.SessionName, "STS_REGION": c.STSRegion} {
			if value != "" {
				errs = append(errs, fmt.Errorf("%s is set without a role; set ARN too or unset it", name))
			}
		}
		return errors.Join(errs...)
	}
	if !roleARN.MatchString(c.ARN) {
		errs = append(errs, fmt.Errorf("ARN is %q, want arn:aws:iam::<account>:role/<name>", c.ARN))
	}
	if n := len(c.ExternalID); n > 0 && (n < 2 || n > maxExternalID || !externalID.MatchString(c.ExternalID)) {
		errs = append(errs, errors.New("EXTERNAL_ID has a character or a length that STS refuses: want 2 to 1224 of A-Z a-z 0-9 _+=,.@:/-"))
	}
	if c.SessionName != "" && !sessionName.MatchString(c.SessionName) {
		errs = append(errs, fmt.Errorf("SESSION_NAME is %q, want 2 to 64 of A-Z a-z 0-9 _+=,.@-", c.SessionName))
	}
	if c.Duration != 0 && (c.Duration < minDuration || c.Duration > maxDuration) {
		errs = append(errs, fmt.Errorf("DURATION is %v, want %v to %v", c.Duration, minDuration, maxDuration))
	}
	if c.STSRegion != "" && !regionName.MatchString(c.STSRegion) {
		errs = append(errs, fmt.Errorf("STS_REGION is %q, want a region such as eu-west-1", c.STSRegion))
	}
	return errors.Join(errs...)
}

// withDefaults fills in what depends on the machine.
func (c Config) withDefaults(awsRegion string) Config {
	if c.SessionName == "" {
		host, _ := os.Hostname()
		c.SessionName = sessionNameOf(host)
	}
	if c.Duration == 0 {
		c.Duration = defaultDuration
	}
	if c.STSRegion == "" {
		c.STSRegion = awsRegion
	}
	return c
}

// sessionNameOf makes a session name that STS accepts out of any host name.
func sessionNameOf(host string) string {
	name := "sluice"
	if host = notInName.ReplaceAllString(host, "-"); host != "" {
		name += "-" + host
	}
	return name[:min(len(name), maxSessionName)]
}
