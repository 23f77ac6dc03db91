package main

import "testing"

func TestCommandMakesTheRunAgain(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]options{
		"sluice-bench run --profile quick --embedded": {profile: "quick", embedded: true, broker: ""},
		"sluice-bench run --env-file a.env --env-file 'b c.env' --workload w.yaml --records 'it'\\''s mine.ndjson' --transports sqs,apigateway": {
			profile: "quick", workload: "w.yaml", records: "it's mine.ndjson", transports: []string{"sqs", "apigateway"}, envFiles: []string{"a.env", "b c.env"}},
		"sluice-bench run --profile audit --embedded --model sqs=sqs-send-2021 --rabbitmq amqp://127.0.0.1:5672": {
			profile: "audit", embedded: true, models: "sqs=sqs-send-2021", broker: "amqp://user:canary@127.0.0.1:5672"},
		"sluice-bench run --profile quick": {profile: "quick", broker: "amqp://user:canary@[::1"},
	} {
		if got := o.command(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
