package sqs

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// A redriveAllow says which queues may use this one as their dead-letter queue.
type redriveAllow struct {
	deny    bool
	sources []string // nil: any
}

// permits reports whether the queue with this ARN may.
func (a redriveAllow) permits(arn string) bool {
	return !a.deny && (a.sources == nil || slices.Contains(a.sources, arn))
}

// setJSON stores a JSON document, or removes it if value is empty.
func setJSON(field *string, name, value string) error {
	if value != "" && !json.Valid([]byte(value)) {
		return errInvalidAttributeValue(name, "")
	}
	*field = value
	return nil
}

// setRedrivePolicy stores which queue takes the messages that were received too often. The lock is held.
func (e *Engine) setRedrivePolicy(s *settings, value string) error {
	if value == "" {
		s.redrivePolicy, s.deadLetterARN, s.maxReceives = "", "", 0
		return nil
	}
	refuse := func(reason string) error { return errInvalidValue(value, "RedrivePolicy", reason) }
	var p struct {
		Target *string          `json:"deadLetterTargetArn"`
		Max    *json.RawMessage `json:"maxReceiveCount"`
	}
	if json.Unmarshal([]byte(value), &p) != nil {
		return refuse("Redrive policy is not a valid JSON map.")
	}
	if p.Target == nil {
		return refuse("Redrive policy does not contain mandatory attribute: deadLetterTargetArn.")
	}
	if p.Max == nil {
		return refuse("Redrive policy does not contain mandatory attribute: maxReceiveCount.")
	}
	if !strings.HasPrefix(*p.Target, "arn:") || strings.Count(*p.Target, ":") != 5 {
		return refuse("Invalid value for deadLetterTargetArn.")
	}
	text := strings.Trim(string(*p.Max), `"`) // SQS takes the number in quotes too.
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 1000 {
		return refuse("Invalid value for maxReceiveCount: " + text + ", valid values are from 1 to 1000 both inclusive.")
	}
	target := e.byARN(*p.Target)
	if target == nil {
		return refuse("Dead letter target does not exist.")
	}
	if target.settings.fifo != s.fifo {
		return refuse("Dead-letter queue must be same type of queue as the source.")
	}
	s.redrivePolicy, s.deadLetterARN, s.maxReceives = value, *p.Target, n
	return nil
}

// setRedriveAllow stores which queues may name this one as their dead-letter queue.
func setRedriveAllow(s *settings, value string) error {
	if value == "" {
		s.redriveAllow, s.allow = "", redriveAllow{}
		return nil
	}
	var p struct {
		Permission string   `json:"redrivePermission"`
		Sources    []string `json:"sourceQueueArns"`
	}
	if json.Unmarshal([]byte(value), &p) != nil {
		return errInvalidAttributeValue("RedriveAllowPolicy", "It is not a valid JSON map.")
	}
	if p.Permission != "byQueue" && p.Sources != nil {
		return errInvalidAttributeValue("RedriveAllowPolicy", "sourceQueueArns can be given only when redrivePermission is byQueue.")
	}
	switch p.Permission {
	case "allowAll":
		s.allow = redriveAllow{}
	case "denyAll":
		s.allow = redriveAllow{deny: true}
	case "byQueue":
		if len(p.Sources) < 1 || len(p.Sources) > 10 { // SQS: up to 10 source queue ARNs.
			return errInvalidAttributeValue("RedriveAllowPolicy", "sourceQueueArns must have 1 to 10 entries.")
		}
		s.allow = redriveAllow{sources: p.Sources}
	default:
		return errInvalidAttributeValue("RedriveAllowPolicy", "redrivePermission must be allowAll, denyAll or byQueue.")
	}
	s.redriveAllow = value
	return nil
}
