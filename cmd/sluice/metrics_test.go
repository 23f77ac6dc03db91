package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sluice/internal/awslocal"
)

// metricNames are promised: dashboards and alarms are made of them.
var metricNames = []string{
	"sluice_batches_unsettled",
	"sluice_build_info",
	"sluice_checkpoint_age_seconds",
	"sluice_checkpoint_last_success_timestamp_seconds",
	"sluice_checkpoint_saves_total",
	"sluice_config_last_reload_success_timestamp_seconds",
	"sluice_config_reloads_total",
	"sluice_dedup_window_missed_total",
	"sluice_delivery_latency_seconds",
	"sluice_log_lines_dropped_total",
	"sluice_read_bytes_total",
	"sluice_read_duration_seconds",
	"sluice_reads_total",
	"sluice_ready",
	"sluice_records_filtered_total",
	"sluice_records_read_total",
	"sluice_records_settled_total",
	"sluice_send_duration_seconds",
	"sluice_send_records_total",
	"sluice_send_request_bytes",
	"sluice_send_request_records",
	"sluice_send_requests_total",
	"sluice_send_retried_records_total",
	"sluice_sends_in_flight",
	"sluice_sends_limit",
	"sluice_source_last_success_timestamp_seconds",
	"sluice_trouble",
}

var (
	metricType  = regexp.MustCompile(`(?m)^# TYPE (sluice_\S+) `)
	metricLabel = regexp.MustCompile(`(\w+)="([^"]*)"`)
)

func TestMetricsCountWhatHappened(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sqs", "apigateway"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWorld(t, 120, awslocal.Options{})
			p := start(t, with(daemonSettings(t, w), "SLUICE_TRANSPORT", name), "run")
			admin := p.admin(t)
			eventually(t, "everything accepted and saved", func() bool {
				s := currentStatus(t, admin)
				return s.Transport.Accepted == 120 && s.Checkpoint.Unsettled == 0 && s.Checkpoint.Age == 0
			})
			_, metrics := get(t, admin+"/metrics")
			var names []string
			for _, m := range metricType.FindAllStringSubmatch(metrics, -1) {
				names = append(names, m[1])
			}
			slices.Sort(names)
			if !slices.Equal(names, metricNames) {
				t.Errorf("metrics\n%s\nwant\n%s", strings.Join(names, "\n"), strings.Join(metricNames, "\n"))
			}
			requests := map[string]int{"sqs": 12, "apigateway": 120}[name]
			for _, line := range []string{
				`sluice_records_read_total{source="http"} 120`,
				fmt.Sprintf(`sluice_records_settled_total{fate="accepted",transport=%q} 120`, name),
				fmt.Sprintf(`sluice_records_settled_total{fate="set_aside",transport=%q} 0`, name),
				fmt.Sprintf(`sluice_send_requests_total{result="accepted",transport=%q} %d`, name, requests),
				fmt.Sprintf(`sluice_send_records_total{result="accepted",transport=%q} 120`, name),
				fmt.Sprintf(`sluice_send_records_total{result="blocked",transport=%q} 0`, name),
				fmt.Sprintf(`sluice_send_request_records_count{transport=%q} %d`, name, requests),
				`sluice_ready 1`,
				`sluice_batches_unsettled 0`,
			} {
				if !strings.Contains(metrics, line+"\n") {
					t.Errorf("/metrics has no line %q", line)
				}
			}
			wantClosedLabels(t, metrics)
		})
	}
}

// wantClosedLabels fails if a label of ours has a value that could be an id, an address or a text.
func wantClosedLabels(t *testing.T, metrics string) {
	t.Helper()
	closed := regexp.MustCompile(`^[a-z_]{1,20}$`)
	for line := range strings.Lines(metrics) {
		if !strings.HasPrefix(line, "sluice_") || strings.HasPrefix(line, "sluice_build_info") {
			continue
		}
		for _, m := range metricLabel.FindAllStringSubmatch(line, -1) {
			if m[1] != "le" && !closed.MatchString(m[2]) {
				t.Errorf("label %s of %q is from no closed set", m[0], strings.TrimSpace(line))
			}
		}
	}
}
