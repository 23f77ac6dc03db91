package main

import (
	"errors"
	"fmt"
	"strings"

	"sluice/internal/fault"
)

// remedies say what a person can look at when something fails that may also pass by itself, by the beginning of what was
// tried.
var remedies = []struct{ op, text string }{
	{"http.", "check SLUICE_HTTP_URL and the server behind it"},
	{"sql.", "check SLUICE_SQL_URL, its host, port and sslmode, and the database behind it"},
	{"s3.", "check the network, SLUICE_S3_REGION and, if it is set, AWS_ENDPOINT_URL_S3"},
	{"command", "look at what the program says, and at SLUICE_COMMAND_ARGV"},
	{"file.", "look at the file that the message names, and at SLUICE_FILE_PATHS"},
	{"sqs.", "check the network, SLUICE_SQS_QUEUE_URL and, if it is set, AWS_ENDPOINT_URL_SQS"},
	{"apigateway.", "check the network and SLUICE_APIGATEWAY_URL"},
	{"jetstream.", "check the network, SLUICE_JETSTREAM_URL and the server"},
	{"rabbitmq.", "check the network, SLUICE_RABBITMQ_URL and the broker"},
	{"save checkpoint", "check the space on the disk of SLUICE_STATE_DIR and who may write there"},
	{"write ", "check the space on the disk of SLUICE_STATE_DIR and who may write there"},
}

// complete holds the reasons of faults that may pass by themselves and whose text ends with what to do all the same.
var complete = map[string]bool{"clock_skew": true, "function_error": true, "quota_exhausted": true}

// remedy is what to do about f, or "" where its text says so itself, as it does where f is Blocked or a record at fault.
func remedy(f *fault.Error) string {
	switch {
	case f.Class == fault.Blocked, f.Class == fault.Rejected, complete[f.Reason]:
		return ""
	case f.Class == fault.Throttled && strings.HasPrefix(f.Op, "http."):
		return "leave it alone for a while, or set SLUICE_HTTP_REQUESTS_PER to what it allows"
	case f.Class == fault.Throttled:
		return "leave it alone for a while, or lower SLUICE_CONCURRENCY"
	}
	for _, r := range remedies {
		if strings.HasPrefix(f.Op, r.op) {
			return r.text
		}
	}
	return ""
}

// advise ends the sentence of err with what to do about it, if it does not say that itself.
func advise(err error) error {
	if todo := remedy(fault.From(err)); todo != "" {
		return fmt.Errorf("%w; %s", err, todo)
	}
	return err
}

// adviseAgain is advise for a command that has given up and may be repeated.
func adviseAgain(err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Class == fault.Blocked || f.Class == fault.Rejected {
		return err
	}
	if todo := remedy(f); todo != "" {
		return fmt.Errorf("%w; nothing is lost: %s, and run this again", err, todo)
	}
	return fmt.Errorf("%w; nothing is lost: run this again", err)
}
