package simulation

import (
	"math/rand/v2"
	"slices"
	"time"

	"sluice/internal/awslocal/faults"
)

// A choice is a kind of fault that a seed may draw. A lasting one gets a window, a chance one a probability.
type choice struct {
	rule    faults.Rule
	lasting bool
}

// page is an answer of the source that is none.
func answer(status int, kind, body string) faults.Rule {
	return faults.Rule{Do: faults.Answer, Status: status, Headers: map[string]string{"Content-Type": kind}, Body: body}
}

const html = "<!DOCTYPE html>\n<html><head><title>Please sign in</title></head></html>\n"

// ofSource is what can happen to a page.
var ofSource = map[string]choice{
	"source_5xx":              {faults.Rule{Do: faults.FailRequest, Status: 503}, false},
	"source_throttle":         {faults.Rule{Do: faults.FailRequest, Status: 429, Headers: map[string]string{"Retry-After": "7"}}, false},
	"source_reset":            {faults.Rule{Do: faults.Reset}, false},
	"source_hang":             {faults.Rule{Do: faults.AcceptThenHang}, false},
	"source_latency":          {faults.Rule{Do: faults.Latency, Latency: 3 * time.Second}, false},
	"source_slow":             {faults.Rule{Do: faults.Slow, BytesPerSecond: 200}, false},
	"source_cut_by_length":    {faults.Rule{Do: faults.Truncate, Bytes: 100}, false},
	"source_cut_in_chunks":    {faults.Rule{Do: faults.Truncate, Bytes: 100, Framing: faults.Chunked}, false},
	"source_cut_at_the_close": {faults.Rule{Do: faults.Truncate, Bytes: 100, Framing: faults.Close}, false},
	"source_html":             {answer(200, "text/html", html), false},
	"source_not_json":         {answer(200, "application/json", `{"items":[{"n"`), false},
	"source_nothing":          {faults.Rule{Do: faults.Answer}, false},
	"source_forbidden":        {answer(403, "text/plain", "no"), true},
	"source_redirect":         {faults.Rule{Do: faults.Answer, Status: 302, Headers: map[string]string{"Location": "http://" + foreignHost + "/"}}, true},
	"source_down":             {faults.Rule{Do: faults.Reset}, true},
}

// ofSend is what can happen to any request that brings records.
var ofSend = map[string]choice{
	"send_5xx":         {faults.Rule{Do: faults.FailRequest, Code: "ServiceUnavailable", Status: 503}, false},
	"send_throttle":    {faults.Rule{Do: faults.FailRequest, Code: "ThrottlingException"}, false},
	"send_reset":       {faults.Rule{Do: faults.Reset}, false},
	"lost_reply":       {faults.Rule{Do: faults.AcceptThenHang}, false},
	"reset_after_send": {faults.Rule{Do: faults.AcceptThenReset}, false},
	"send_latency":     {faults.Rule{Do: faults.Latency, Latency: 2 * time.Second}, false},
	"send_html":        {answer(200, "text/html", html), false},
	"send_cut":         {faults.Rule{Do: faults.Truncate, Bytes: 20}, false},
	"send_done_500":    {faults.Rule{Do: faults.AcceptThenAnswer, Status: 500, Body: "{}"}, false},
	"send_redirect":    {faults.Rule{Do: faults.Answer, Status: 302, Headers: map[string]string{"Location": "http://" + foreignHost + "/"}}, true},
	"send_stall":       {faults.Rule{Do: faults.Stall}, true},
	"send_rate":        {faults.Rule{Do: faults.Throttle, Rate: 0.5, Burst: 2}, true},
	"send_denied":      {faults.Rule{Do: faults.FailRequest, Code: "AccessDenied"}, true},
	"send_expired":     {faults.Rule{Do: faults.ExpireCredentials}, false},
	"send_clock_ahead": {faults.Rule{Do: faults.ClockSkew, Skew: 15 * time.Minute}, true},
	"send_clock_late":  {faults.Rule{Do: faults.ClockSkew, Skew: -15 * time.Minute}, true},
}

// ofBatch is what can happen to a batch beside.
var ofBatch = map[string]choice{
	"entry_failed":      {faults.Rule{Do: faults.FailEntries, Entries: faults.Entries{One: true}}, false},
	"entries_throttled": {faults.Rule{Do: faults.FailEntries, Code: "KMS.ThrottlingException"}, false},
	"entry_missing":     {faults.Rule{Do: faults.Partial, Reply: faults.Missing, Entries: faults.Entries{One: true}}, false},
	"entry_ignored":     {faults.Rule{Do: faults.Partial, Reply: faults.Ignored, Entries: faults.Entries{One: true}}, false},
	"entry_doubled":     {faults.Rule{Do: faults.Partial, Reply: faults.Doubled, Entries: faults.Entries{One: true}}, false},
	"entry_unknown":     {faults.Rule{Do: faults.Partial, Reply: faults.Unknown, Entries: faults.Entries{One: true}}, false},
	"wrong_md5":         {faults.Rule{Do: faults.WrongMD5, Entries: faults.Entries{One: true}}, false},
	"queue_missing":     {faults.Rule{Do: faults.FailRequest, Code: "QueueDoesNotExist"}, true},
	"mass_refusal":      {faults.Rule{Do: faults.FailEntries, Code: "InvalidMessageContents"}, true},
}

// ofPost is what can happen to a POST beside.
var ofPost = map[string]choice{
	"post_error_message": {answer(200, "application/json", `{"errorMessage":"boom"}`), false},
	"post_nothing":       {faults.Rule{Do: faults.Answer}, false},
	"post_done_504":      {faults.Rule{Do: faults.AcceptThenAnswer, Status: 504, Body: `{"message":"Endpoint request timed out"}`}, false},
	"post_502":           {faults.Rule{Do: faults.FailRequest, Code: "BadGateway"}, false},
	"post_wrong_path":    {faults.Rule{Do: faults.FailRequest, Code: "MissingAuthenticationToken"}, true},
	"post_bad_key":       {faults.Rule{Do: faults.FailRequest, Code: "Forbidden"}, true},
}

// ofSTS is what can happen when a role is assumed.
var ofSTS = map[string]choice{
	"sts_down":   {faults.Rule{Do: faults.FailRequest, Code: "ServiceUnavailable"}, true},
	"sts_hang":   {faults.Rule{Do: faults.AcceptThenHang}, false},
	"sts_denied": {faults.Rule{Do: faults.FailRequest, Code: "AccessDenied"}, true},
	"sts_html":   {answer(200, "text/html", html), false},
}

// longest is how long a lasting fault lasts at most.
const longest = time.Minute

// drawScript makes the script of a seed for a transport.
func drawScript(rnd *rand.Rand, seed uint64, transport string) faults.Script {
	s := faults.Script{Seed: seed}
	troubled, _ := course(seed)
	draw := func(call string, share float64, menus ...map[string]choice) {
		for _, menu := range menus {
			for _, kind := range sortedKinds(menu) {
				odds := share
				if menu[kind].lasting {
					odds *= 1.5 // nothing may happen while it lasts
				}
				if rnd.Float64() >= odds {
					continue
				}
				r := menu[kind].rule
				r.Name, r.Calls = kind, []string{call}
				if menu[kind].lasting {
					r.After = time.Duration(rnd.Int64N(int64(troubled)))
					r.For = time.Second + time.Duration(rnd.Int64N(int64(longest)))
				} else {
					r.P = float64(1+rnd.IntN(15)) / 100
				}
				s.Rules = append(s.Rules, r)
			}
		}
	}
	draw("source", 0.3, ofSource)
	draw("AssumeRole", 0.4, ofSTS)
	if transport == "apigateway" {
		draw("POST /records", 0.3, ofSend, ofPost)
	} else {
		draw("SendMessageBatch", 0.3, ofSend, ofBatch)
	}
	rnd.Shuffle(len(s.Rules), func(i, k int) { s.Rules[i], s.Rules[k] = s.Rules[k], s.Rules[i] })
	return s
}

func sortedKinds(menu map[string]choice) (kinds []string) {
	for kind := range menu {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}
