package sqs

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"sluice/internal/fault"
)

// Answers of SQS to a request as a whole: what the service documents, and what has been observed on AWS until 2026.
var wholeAnswers = map[string]struct {
	status        int
	shape, legacy string
	class         fault.Class
	reason        string
}{
	"queue missing":                   {400, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", fault.Blocked, "queue_missing"},
	"queue missing, no header":        {400, "QueueDoesNotExist", "", fault.Blocked, "queue_missing"},
	"resource missing":                {404, "ResourceNotFoundException", "", fault.Blocked, "queue_missing"},
	"body over the limit":             {400, "InvalidParameterValueException", "InvalidParameterValue", fault.Rejected, "invalid_parameter"},
	"batch over the limit":            {400, "BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", fault.Rejected, "request_too_large"},
	"too many entries":                {400, "TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", fault.Rejected, "request_too_large"},
	"bad entry id":                    {400, "InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId", fault.Blocked, "request_refused"},
	"equal entry ids":                 {400, "BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", fault.Blocked, "request_refused"},
	"no entries":                      {400, "EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", fault.Blocked, "request_refused"},
	"parameter missing":               {400, "MissingRequiredParameterException", "MissingParameter", fault.Blocked, "request_refused"},
	"illegal characters":              {400, "InvalidMessageContents", "InvalidMessageContents", fault.Rejected, "invalid_characters"},
	"no permission":                   {403, "AccessDeniedException", "AccessDenied", fault.Blocked, "access_denied"},
	"unknown access key":              {403, "UnrecognizedClientException", "InvalidClientTokenId", fault.Blocked, "key_unknown"}, // and there are no newer ones
	"wrong secret":                    {403, "InvalidSignatureException", "SignatureDoesNotMatch", fault.Blocked, "bad_signature"},
	"malformed Authorization":         {400, "IncompleteSignatureException", "IncompleteSignature", fault.Blocked, "bad_signature"},
	"malformed JSON":                  {400, "SerializationException", "MalformedInput", fault.Blocked, "request_refused"},
	"unknown operation":               {404, "UnknownOperationException", "InvalidAction", fault.Blocked, "request_refused"},
	"throttled":                       {403, "RequestThrottled", "RequestThrottled", fault.Throttled, "throttled"},
	"FIFO over its quota":             {400, "ThrottlingException", "ThrottlingException", fault.Throttled, "throttled"},
	"throttling under a new name":     {400, "ExtraPartitionThrottledException", "", fault.Throttled, "throttled"},
	"in flight over the limit":        {403, "OverLimit", "OverLimit", fault.Throttled, "throttled"},
	"not secure":                      {403, "InvalidSecurity", "InvalidSecurity", fault.Blocked, "insecure_request"},
	"bad address":                     {404, "InvalidAddress", "InvalidAddress", fault.Blocked, "invalid_queue_url"},
	"unsupported":                     {400, "UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", fault.Blocked, "request_refused"},
	"key throttled":                   {400, "KmsThrottled", "KMS.ThrottlingException", fault.Throttled, "kms_throttled"},
	"key throttled, no header":        {400, "KmsThrottled", "", fault.Throttled, "kms_throttled"},
	"key denied":                      {400, "KmsAccessDenied", "KMS.AccessDeniedException", fault.Blocked, "kms_denied"},
	"key disabled":                    {400, "KmsDisabled", "KMS.DisabledException", fault.Blocked, "kms_unavailable"},
	"key missing":                     {400, "KmsNotFound", "KMS.NotFoundException", fault.Blocked, "kms_unavailable"},
	"key in a bad state":              {400, "KmsInvalidState", "KMS.InvalidStateException", fault.Blocked, "kms_unavailable"},
	"key for another use":             {400, "KmsInvalidKeyUsage", "KMS.InvalidKeyUsageException", fault.Blocked, "kms_unavailable"},
	"key service not subscribed":      {403, "KmsOptInRequired", "KMS.OptInRequired", fault.Blocked, "kms_unavailable"},
	"clock":                           {403, "RequestTimeTooSkewed", "RequestTimeTooSkewed", fault.Transient, "clock_skew"},
	"internal error":                  {500, "InternalFailure", "InternalFailure", fault.Transient, "service_error"},
	"service unavailable":             {503, "ServiceUnavailable", "ServiceUnavailable", fault.Transient, "service_error"},
	"error nobody has heard of":       {400, "FlurbException", "", fault.Transient, "unexpected_answer"},
	"server error nobody knows":       {500, "FlurbException", "", fault.Transient, "service_error"},
	"not authorized, another wording": {403, "NotAuthorized", "", fault.Blocked, "access_denied"},
}

func TestVerdictOnARequest(t *testing.T) {
	for name, tc := range wholeAnswers {
		t.Run(name, func(t *testing.T) {
			s := newServer(t).on("SendMessageBatch", fail(tc.status, tc.shape, tc.legacy))
			results := openOn(t, s, nil).Send(t.Context(), three())
			for i, r := range results {
				e := fault.From(r.Err)
				if e == nil || e.Class != tc.class || e.Reason != tc.reason {
					t.Fatalf("record %d: got %v (%v %s), want %v %s", i, r.Err, e.Class, e.Code(), tc.class, tc.reason)
				}
				if wantWhole := tc.class == fault.Rejected; e.Whole != wantWhole {
					t.Errorf("Whole = %v, want %v", e.Whole, wantWhole)
				}
				if wantAmbiguous := tc.status >= 500; e.Ambiguous != wantAmbiguous {
					t.Errorf("Ambiguous = %v, want %v", e.Ambiguous, wantAmbiguous)
				}
				if !strings.Contains(r.Err.Error(), "text of") {
					t.Errorf("the text of the service is lost: %v", r.Err)
				}
			}
		})
	}
}

func TestAnswersWithoutACode(t *testing.T) {
	for name, tc := range map[string]struct {
		status    int
		body      string
		class     fault.Class
		reason    string
		ambiguous bool
	}{
		"page of a captive portal": {200, "<html>log in</html>", fault.Blocked, "unexpected_answer", true},
		"redirect":                 {302, "", fault.Blocked, "redirected", false},
		"permanent redirect":       {308, "", fault.Blocked, "redirected", false},
		"bad request of a proxy":   {400, "<html>no</html>", fault.Transient, "unexpected_answer", false},
		"proxy wants a password":   {407, "", fault.Blocked, "access_denied", false},
		"forbidden by a proxy":     {403, "<html>no</html>", fault.Blocked, "access_denied", false},
		"not found":                {404, "<html>no</html>", fault.Blocked, "invalid_queue_url", false},
		"too large for a proxy":    {413, "too large", fault.Rejected, "request_too_large", false},
		"bare 429":                 {429, "", fault.Throttled, "throttled", false},
		"bad gateway":              {502, "<html>no</html>", fault.Transient, "service_error", true},
		"unavailable":              {503, "", fault.Transient, "service_error", true},
		"gateway timeout":          {504, "", fault.Transient, "service_error", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t).on("SendMessageBatch", func(w http.ResponseWriter, _ request, _ int) {
				w.Header().Set("Location", "http://127.0.0.1:1/")
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			})
			e := fault.From(openOn(t, s, nil).Send(t.Context(), three())[0].Err)
			if e == nil || e.Class != tc.class || e.Reason != tc.reason || e.Ambiguous != tc.ambiguous {
				t.Errorf("got %v (%+v), want %v %s, ambiguous %v", e, e, tc.class, tc.reason, tc.ambiguous)
			}
		})
	}
}

func TestVerdictOnAnEntry(t *testing.T) {
	for name, tc := range map[string]struct {
		code   string
		sender bool
		class  fault.Class
		reason string
	}{
		"over the queue's limit":             {"InvalidParameterValue", true, fault.Rejected, "invalid_parameter"},
		"illegal characters":                 {"InvalidMessageContents", true, fault.Rejected, "invalid_characters"},
		"parameter missing":                  {"MissingParameter", true, fault.Blocked, "request_refused"},
		"internal error":                     {"InternalError", false, fault.Transient, "service_error"},
		"internal error flagged as ours":     {"InternalError", true, fault.Transient, "service_error"},
		"throttled, flagged as ours":         {"RequestThrottled", true, fault.Throttled, "throttled"},
		"key throttled, flagged as ours":     {"KMS.ThrottlingException", true, fault.Throttled, "kms_throttled"},
		"key throttled by shape":             {"KmsThrottled", true, fault.Throttled, "kms_throttled"},
		"key disabled":                       {"KMS.DisabledException", true, fault.Blocked, "kms_unavailable"},
		"key denied":                         {"KmsAccessDenied", true, fault.Blocked, "kms_denied"},
		"key failed in a new way":            {"KMS.DependencyTimeoutException", true, fault.Blocked, "kms_unavailable"},
		"denied":                             {"AccessDenied", true, fault.Blocked, "access_denied"},
		"queue deleted":                      {"AWS.SimpleQueueService.NonExistentQueue", true, fault.Blocked, "queue_missing"},
		"unknown code of the service":        {"Flurb", false, fault.Transient, "entry_failed"},
		"unknown code flagged as ours":       {"Flurb", true, fault.Rejected, "entry_refused"},
		"no code at all":                     {"", false, fault.Transient, "entry_failed"},
		"unknown throttling flagged as ours": {"PartitionThrottlingException", true, fault.Throttled, "throttled"},
	} {
		t.Run(name, func(t *testing.T) {
			err := classifyEntry(types.BatchResultErrorEntry{Id: aws.String("0"), Code: aws.String(tc.code), SenderFault: tc.sender, Message: aws.String("m")}, true)
			e := fault.From(err)
			if e.Class != tc.class || e.Reason != tc.reason || e.Whole {
				t.Errorf("got %v %s, whole %v; want %v %s, not whole", e.Class, e.Reason, e.Whole, tc.class, tc.reason)
			}
		})
	}
}

func TestOperatorIsToldWhatToDo(t *testing.T) {
	s := newServer(t).on("SendMessageBatch", fail(400, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"))
	err := openOn(t, s, nil).Send(t.Context(), three())[0].Err
	for _, want := range []string{s.URL + "/123456789012/q", "eu-west-1", "create it or set SLUICE_SQS_QUEUE_URL"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in: %v", want, err)
		}
	}
}

func TestWaitThatTheServiceAsksFor(t *testing.T) {
	for name, tc := range map[string]struct {
		header, value string
		want          time.Duration
	}{
		"seconds":      {"Retry-After", "7", 7 * time.Second},
		"milliseconds": {"X-Amz-Retry-After", "1500", 1500 * time.Millisecond},
		"nonsense":     {"Retry-After", "soon", 0},
		"negative":     {"Retry-After", "-5", 0},
		"absurd":       {"Retry-After", "1e30", time.Hour},
		"not a number": {"Retry-After", "NaN", 0},
	} {
		s := newServer(t).on("SendMessageBatch", func(w http.ResponseWriter, r request, n int) {
			w.Header().Set(tc.header, tc.value)
			fail(503, "ServiceUnavailable", "")(w, r, n)
		})
		e := fault.From(openOn(t, s, nil).Send(t.Context(), three())[0].Err)
		if e == nil || e.RetryAfter != tc.want {
			t.Errorf("%s: got %v, want %v", name, e.RetryAfter, tc.want)
		}
	}
}

// The SDK signs the next request with the time of SQS.
func TestWrongClockHealsByTheNextSend(t *testing.T) {
	s := newServer(t).on("SendMessageBatch", nil)
	s.on("SendMessageBatch", func(w http.ResponseWriter, r request, n int) {
		w.Header().Set("Date", time.Now().Add(20*time.Minute).UTC().Format(http.TimeFormat))
		if n == 1 {
			fail(403, "InvalidSignatureException", "")(w, r, n)
			return
		}
		s.well(w, r, n)
	})
	tr := openOn(t, s, nil)
	if e := fault.From(tr.Send(t.Context(), three())[0].Err); e == nil || e.Class != fault.Transient || e.Reason != "clock_skew" {
		t.Fatalf("first: got %v, want Transient clock_skew", e)
	}
	if err := tr.Send(t.Context(), three())[0].Err; err != nil {
		t.Errorf("second: %v, want accepted", err)
	}
}

// SQS explains a refused signature by repeating the request.
func TestNoSecretInAnError(t *testing.T) {
	const canary = "session-token-canary"
	text := `The request signature we calculated does not match.\n\nThe Canonical String for this request should have been\n'POST\n/\n\nx-amz-security-token:` + canary + `'`
	s := newServer(t).on("SendMessageBatch", func(w http.ResponseWriter, _ request, _ int) {
		w.WriteHeader(403)
		_, _ = io.WriteString(w, `{"__type":"com.amazonaws.sqs#InvalidSignatureException","message":"`+text+`"}`)
	})
	err := openOn(t, s, nil).Send(t.Context(), three())[0].Err
	if !strings.Contains(err.Error(), "does not match") || strings.Contains(err.Error(), canary) {
		t.Errorf("want the first line only: %v", err)
	}
}
