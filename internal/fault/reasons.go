package fault

import "slices"

// A Reason is what a code means to an operator. The codes are an interface: log, metrics, /readyz, the status page and dead
// letters show them, and they do not change.
type Reason struct {
	Code    string
	Part    string  // where it shows: "source", "destination", "credentials", "checkpoint", "deadletter", "daemon"; several with commas
	Classes []Class // that it comes with
	Heals   bool    // it usually ends without a person
	Meaning string  // one sentence
	Todo    string  // one sentence
}

// The parts of more than one reason.
const (
	source, destination = "source", "destination"
	credentials         = "credentials"
	both                = "source, destination"
	bothCredentials     = "destination, credentials"
	deadletter          = "deadletter"
)

var (
	passing  = []Class{Transient}
	pressed  = []Class{Throttled}
	refusal  = []Class{Rejected}
	stuck    = []Class{Blocked}
	anything = []Class{Transient, Throttled, Rejected, Blocked}
)

const (
	wait     = "Nothing, unless it lasts; then look at the message beside the code."
	network  = "Nothing, unless it lasts; then check network, proxy and the address."
	mend     = "Mend the records at their source, or change what is made of them, and replay the dead letters."
	shaped   = "Mend the setting or the records, and replay the dead letters."
	renew    = "Renew or correct the credentials that the AWS_* settings lead to."
	sqsOnly  = "Look at the message; a service that is not SQS, or a proxy, may stand at the address."
	seeFunc  = "Look into the log of the function behind the API."
	nextPage = "Check SLUICE_HTTP_PAGINATION and its neighbours against the documentation of the API."
)

// reasons is the catalogue, in the order of the alphabet.
var reasons = []Reason{
	{"access_denied", destination, stuck, false, "The destination knows us and does not let us send.", "Give the caller or user the permission that the message names."},
	{"address_refused", source, stuck, false, "The name of the source leads to an address where no source has to be: this machine, the link, the metadata service.", "Mend the name, or write the address itself into SLUICE_HTTP_URL."},
	{"api_key_refused", destination, stuck, false, "API Gateway says Forbidden: API key, usage plan, stage or firewall.", "Check SLUICE_APIGATEWAY_API_KEY, the stage in SLUICE_APIGATEWAY_URL and what stands before the API."},
	{"auth_refused", destination, stuck, false, "The broker refuses user, password, token or certificate.", "Correct the credentials of the transport."},
	{"bad_answer", source, stuck, false, "What answers is no S3, or does not speak its protocol as it should.", "Check AWS_ENDPOINT_URL_S3, SLUICE_S3_BUCKET and what stands before the service."},
	{"bad_cursor", source, stuck, false, "The saved place cannot be read by this source.", "Use the state directory that belongs to this source, or start over with sluice checkpoint reset."},
	{"bad_item", deadletter, refusal, false, "The source could not make a whole record of what it read, such as a row with too few columns.", mend},
	{"bad_next", source, stuck, false, "The link to the next page cannot be used.", nextPage},
	{"bad_output", source, stuck, false, "What the program has printed is not what the settings say.", "Mend the line that the message names, or set SLUICE_COMMAND_FORMAT to what it prints."},
	{"bad_page", source, passing, false, "The source answers with something that is no page.", "If it lasts, look at the start of the answer in the message: a proxy, or the origin, is broken."},
	{"bad_parent", source, stuck, false, "A parent in the list of the source has nothing that the address of its records can be made of.", "Check SLUICE_HTTP_CHILD_URL and SLUICE_HTTP_PARENT_RECORDS."},
	{"bad_query", source, stuck, false, "The database does not accept the query.", "Check SLUICE_SQL_TABLE, SLUICE_SQL_QUERY, SLUICE_SQL_COLUMN, SLUICE_SQL_TIE and SLUICE_SQL_START."},
	{"bad_request", source, stuck, false, "The source does not understand the request.", "Check SLUICE_HTTP_URL and the names of parameters."},
	{"bad_signature", destination, stuck, false, "AWS refuses the signature, and the clocks agree.", "Check the secret key, the region, and that no proxy changes requests."},
	{"broken_driver", destination, passing, false, "A transport did not report one result for each record.", "Report it: this is a bug of Sluice."},
	{"cancelled", bothCredentials, passing, true, "A request was given up because Sluice stops.", "Nothing."},
	{"capped", source, stuck, false, "The API gives no more pages for one question, and what follows them cannot be asked for.", "Have the records sorted by SLUICE_HTTP_SINCE_PATH, with larger pages or finer values."},
	{"checkpoint_damaged", "checkpoint", stuck, false, "The checkpoint and the one before it are damaged; the daemon ends with 65.", "Restore the file, or read from the beginning with sluice checkpoint reset."},
	{"checkpoint_fallback", "checkpoint", passing, true, "The newest checkpoint is missing or damaged, and the one before it is used; some records come again.", "Nothing; checkpoint.damaged is kept to be looked at."},
	{"checkpoint_foreign", "checkpoint", stuck, false, "The checkpoint belongs to another source; the daemon ends with 78.", "Configure that source, or set SLUICE_STATE_DIR to a folder of its own."},
	{"checkpoint_locked", "checkpoint", stuck, false, "Another process holds the checkpoint; after SLUICE_LOCK_WAIT the daemon ends with 75.", "Stop the other one, or set SLUICE_STATE_DIR to a folder of its own."},
	{"checkpoint_newer", "checkpoint", stuck, false, "A newer version of Sluice has written the checkpoint; the daemon ends with 65.", "Run that version, or read from the beginning with sluice checkpoint reset."},
	{"checkpoint_taken", "checkpoint", stuck, false, "Another process has taken the checkpoint over, so that this one ends with 75.", "Keep one daemon for each SLUICE_STATE_DIR."},
	{"checkpoint_unreadable", "checkpoint", passing, false, "The checkpoint cannot be read.", "Make SLUICE_STATE_DIR readable."},
	{"checkpoint_unwritable", "checkpoint", passing, false, "The checkpoint cannot be saved.", "Make room, or make SLUICE_STATE_DIR writable."},
	{"checksum_mismatch", destination, passing, true, "SQS confirmed a message with the digest of another one; the record is sent again.", "If it lasts, look for what alters messages on the way to SQS."},
	{"client_certificate", source, stuck, false, "The client certificate for the source has expired or cannot be read.", "Renew the files that SLUICE_HTTP_CLIENT_CERT_FILE and SLUICE_HTTP_CLIENT_KEY_FILE name; they are read again."},
	{"clock_skew", "source, destination, credentials", passing, true, "Our clock and that of AWS differ; requests are signed by the time of AWS from now on.", "Set the clock."},
	{"command_failed", source, passing, false, "The program has ended with another exit code than 0; it is run again.", "If it lasts, look at what it says on standard error, which is in the log."},
	{"command_missing", source, stuck, false, "The program cannot be started.", "Install it and make it executable, or correct SLUICE_COMMAND_ARGV."},
	{"connection_blocked", destination, pressed, true, "RabbitMQ takes no messages because of an alarm.", "Give the broker memory or disk space."},
	{"connection_limit", destination, pressed, true, "NATS allows no more connections.", "Raise the limit of the server or the account."},
	{"credentials_unavailable", credentials, passing, true, "The place that gives out AWS credentials does not answer.", "If it lasts, check what the AWS_* settings lead to; in a container on EC2 the hop limit of the metadata service must be 2."},
	{"cursor_gone", source, stuck, false, "The origin has forgotten the place from which to go on.", "What lies between is lost at the origin; start over with sluice checkpoint reset."},
	{"cursor_stands", source, stuck, false, "The source returned records without a new place.", "Report it: this is a bug of the source."},
	{"deadletter_full", deadletter, stuck, false, "The dead letters have reached SLUICE_DEADLETTER_MAX_BYTES, so nothing more is set aside.", "Send them again or drop them with sluice deadletter, or raise the limit."},
	{"deadletter_unwritable", deadletter, passing, false, "A dead letter cannot be written, so nothing goes on.", "Make room, or make SLUICE_STATE_DIR writable."},
	{"decrypt_denied", source, stuck, false, "The key of KMS that an object is encrypted with cannot be used: disabled, deleted, or not there.", "Enable the key, or write the object again with another."},
	{"disconnected", destination, passing, true, "The connection to the broker was lost.", network},
	{"draining", "daemon", nil, true, "Sluice was asked to stop and settles what is in flight.", "Nothing."},
	{"duplicate_pending", destination, passing, true, "An earlier copy of the record is still on its way through the cluster.", "Nothing."},
	{"empty_body", deadletter, refusal, false, "The record is empty, which SQS does not take.", mend},
	{"entry_failed", destination, passing, true, "SQS could not store one entry, with a code that is not known.", wait},
	{"entry_refused", deadletter, refusal, false, "SQS refuses the record, also by itself, with a code that is not known.", mend},
	{"error_in_page", source, []Class{Transient, Blocked}, false, "The source reports an error in a page whose status is 200.", "Look at what it says in the message; it is about the question (SLUICE_HTTP_BODY, SLUICE_HTTP_URL) or about the source itself."},
	{"exchange_missing", destination, stuck, false, "The exchange does not exist.", "Create it or correct SLUICE_RABBITMQ_EXCHANGE."},
	{"expired_token", bothCredentials, []Class{Transient, Blocked}, true, "The session token has expired and no newer one was to be had yet.", renew},
	{"file_damaged", source, []Class{Transient, Blocked}, false, "A file is not what it should be: damaged compression, or a header that cannot be used.", "Mend the file that the message names, or move it to another folder; nothing of it was skipped."},
	{"file_gone", source, passing, false, "A file was deleted, moved away or truncated before all of it was read; reading goes on with the others.", "What it held behind the place in the message is lost, unless a copy is put among the files."},
	{"file_not_done", source, stuck, false, "A finished file could not be moved or deleted; delivery goes on.", "Check SLUICE_FILE_DONE_DIR and the permissions of both folders."},
	{"file_truncated", source, []Class{Transient, Blocked}, false, "A file breaks off in the middle, and is not being written any more.", "Put the whole file in its place, or move it to another folder; nothing of it was skipped."},
	{"file_unreadable", source, []Class{Transient, Blocked}, false, "A file or a folder cannot be read.", "Make it readable for the user that Sluice runs as, or change SLUICE_FILE_PATHS."},
	{"filter_failed", deadletter, refusal, false, "The program in SLUICE_FILTER failed on this record.", shaped},
	{"filter_timeout", deadletter, refusal, false, "The program in SLUICE_FILTER took longer on this record than SLUICE_MAP_TIMEOUT allows.", shaped},
	{"filtered", deadletter, refusal, false, "The firewall before the API refuses this record.", "Look into the log of the web ACL; then replay the dead letters."},
	{"forbidden", source, stuck, false, "The source refuses access.", "Have access granted, or correct the credentials of the source."},
	{"foreign_next_link", source, stuck, false, "The link to the next page leads to another host.", nextPage},
	{"foreign_redirect", source, stuck, false, "The source redirects to another host.", "Set SLUICE_HTTP_URL to the address that answers."},
	{"function_error", destination, passing, false, "The function behind the API failed.", seeFunc},
	{"gone", source, stuck, false, "The source does not exist any more.", "Check SLUICE_HTTP_URL."},
	{"headers_too_large", "destination, deadletter", []Class{Rejected, Blocked}, false, "The headers are larger than the destination allows.", "Shorten them; where all records have them, delivery is paused, else the record is a dead letter."},
	{"insecure_request", destination, stuck, false, "SQS demands https and a signature.", "Use https and AWS credentials."},
	{"integration_timeout", destination, passing, true, "What is behind the API did not answer in time; the record is sent again.", "If it lasts, make the integration faster."},
	{"interrupted", destination, passing, true, "A request was given up because Sluice stops.", "Nothing."},
	{"invalid_attribute", deadletter, refusal, false, "A header of the record cannot be an attribute of a message.", mend},
	{"invalid_body", deadletter, refusal, false, "The model or the function behind the API refuses the record.", mend},
	{"invalid_characters", deadletter, refusal, false, "The record has characters that the destination does not take.", mend},
	{"invalid_header", deadletter, refusal, false, "A header of the record cannot travel.", mend},
	{"invalid_parameter", deadletter, refusal, false, "SQS refuses the record: too long, or an attribute it does not take.", mend},
	{"invalid_queue_url", destination, stuck, false, "The address of the queue leads nowhere.", "Correct SLUICE_SQS_QUEUE_URL."},
	{"item_too_large", deadletter, refusal, false, "The record of the source is longer than allowed.", "Raise the limit that the message names or have smaller records, and replay the dead letters."},
	{"jetstream_disabled", destination, stuck, false, "The server has no JetStream.", "Enable JetStream on the server and for the account."},
	{"keeps_failing", deadletter, refusal, false, "The function behind the API failed on this record as often as SLUICE_APIGATEWAY_REJECT_AFTER allows.", seeFunc},
	{"key_unknown", destination, stuck, false, "AWS does not know the access key.", renew},
	{"kms_denied", destination, stuck, false, "The queue is encrypted with a key that we may not use.", "Allow the caller kms:GenerateDataKey and kms:Decrypt on the key."},
	{"kms_throttled", destination, pressed, true, "KMS asks for less.", "If it lasts, raise the queue's KmsDataKeyReusePeriodSeconds."},
	{"kms_unavailable", destination, stuck, false, "The key of the queue is disabled, deleted or of the wrong kind.", "Enable the key, or give the queue another."},
	{"map_failed", deadletter, refusal, false, "The program in SLUICE_MAP failed on this record, or made something of it that JSON cannot hold.", shaped},
	{"map_timeout", deadletter, refusal, false, "The program in SLUICE_MAP took longer on this record than SLUICE_MAP_TIMEOUT allows.", shaped},
	{"map_too_large", deadletter, refusal, false, "The program in SLUICE_MAP made too many or too long records of this one.", shaped},
	{"mass_dead_letters", deadletter, stuck, false, "So many records are refused that the cause is hardly the records.", "Look at the dead letters; delivery goes on by itself when the destination accepts again."},
	{"message_refused", deadletter, refusal, false, "RabbitMQ refuses the record; it is too long.", "Set SLUICE_RABBITMQ_MAX_MESSAGE_BYTES to the broker's limit, or raise that."},
	{"nacked", destination, passing, true, "RabbitMQ could not store the message.", "Look at the log of the broker and at the limits of the queue."},
	{"name_timeout", deadletter, refusal, false, "The programs that name this record took longer than SLUICE_MAP_TIMEOUT allows.", shaped},
	{"network", both, passing, true, "There was no connection, or it broke.", network},
	{"no_answer", destination, passing, true, "The destination did not say what became of the record in time; it is sent again.", network},
	{"no_credentials", credentials, stuck, false, "No AWS credentials were found.", "Provide credentials in one of the places that the message lists."},
	{"no_header", deadletter, refusal, false, "The value for a header is not text, a number or a boolean, or its program failed.", shaped},
	{"no_id", deadletter, refusal, false, "The record has no value where SLUICE_RECORD_ID says that its name is.", shaped},
	{"no_key", deadletter, refusal, false, "The record has no value where SLUICE_RECORD_KEY says that its key is.", shaped},
	{"no_key_order", source, stuck, false, "The objects of the bucket are not listed in the order of their keys, so that there is no place to go on from.", "Use a general purpose bucket of S3, or a service that lists as it does."},
	{"no_order", source, stuck, false, "The rows of the table have no order in which none can be missed.", "Choose columns for SLUICE_SQL_COLUMN and SLUICE_SQL_TIE that are never null and together unique."},
	{"no_records", source, stuck, false, "The page has no list of records where one should be.", "Check SLUICE_HTTP_RECORDS."},
	{"no_resources", destination, pressed, false, "The NATS server or account has no storage left.", "Give it more storage."},
	{"no_since", source, stuck, false, "A record has no usable time to go on from.", "Check SLUICE_HTTP_SINCE_PATH and its neighbours."},
	{"not_found", source, stuck, false, "There is nothing at the source's address.", "Check SLUICE_HTTP_URL, SLUICE_SQL_TABLE or SLUICE_S3_BUCKET."},
	{"not_json", deadletter, refusal, false, "The record of the source is not valid JSON.", mend},
	{"not_unicode", deadletter, refusal, false, "The record has text that is not Unicode, so that SLUICE_MAP would alter it.", "Have it mended at its source; without SLUICE_MAP it would travel byte for byte."},
	{"oauth_bad_answer", source, stuck, false, "What answers at the token endpoint gives no token that can be used.", "Check SLUICE_HTTP_OAUTH_TOKEN_URL."},
	{"oauth_refused", source, stuck, false, "The token endpoint refuses the client, the refresh token or what is asked for.", "Correct the settings that the message names."},
	{"oauth_token_unsaved", source, stuck, false, "The token endpoint has handed out a new refresh token, which cannot be kept.", "Make the file of SLUICE_HTTP_OAUTH_REFRESH_TOKEN_FILE writable, or name one; the message says which."},
	{"oauth_unavailable", source, passing, true, "The token endpoint does not answer.", network},
	{"object_archived", source, stuck, false, "An object is archived, and cannot be read before it is restored.", "Restore it, or move it out of SLUICE_S3_PREFIX or SLUICE_S3_PATTERN; reading goes on by itself."},
	{"object_changed", source, passing, true, "An object was overwritten while it was read; the new one is read from its beginning.", "Write each object once, under a key of its own; what only the old one held behind the place in the message is lost."},
	{"object_damaged", source, stuck, false, "An object is not what it should be: damaged compression, a break in the middle, or a header that cannot be used.", "Put a whole object in its place, or an empty one to go on without the rest; nothing of it was skipped."},
	{"object_missing", source, passing, true, "An object is listed and cannot be read, as if it were not there.", wait},
	{"page_bomb", source, stuck, false, "A page is more than a hundred times as large as what came over the wire.", "Look at what the source sends; such a page is made to exhaust memory."},
	{"page_loop", source, stuck, false, "The pages of the source lead in a circle.", nextPage},
	{"page_too_large", source, stuck, false, "A page that has to be held whole is larger than allowed.", "Ask for smaller pages, or raise SLUICE_HTTP_MAX_PAGE_BYTES."},
	{"parameter_missing", destination, stuck, false, "The API demands a parameter that no record brings.", "Drop that demand, or put query parameters into SLUICE_APIGATEWAY_URL."},
	{"proxy_refused", bothCredentials, stuck, false, "The proxy wants another user and password.", "Correct HTTPS_PROXY."},
	{"queue_missing", destination, stuck, false, "The queue does not exist.", "Create it or correct the setting that names it."},
	{"quota_exhausted", destination, pressed, true, "The quota of the usage plan is used up.", "Raise it or wait for its next period."},
	{"rate_limited_by_source", source, pressed, true, "The requests that the source allows in a period are used up but for the reserve; reading waits for the next period.", "Nothing, unless records come too late; then have the limit raised, lower SLUICE_HTTP_RATE_LIMIT_RESERVE, or set more SLUICE_HTTP_TOKENS."},
	{"record_too_large", deadletter, refusal, false, "The record is larger than the destination takes.", mend},
	{"redirect_loop", source, stuck, false, "The source redirects in a circle.", "Set SLUICE_HTTP_URL to the address that answers."},
	{"redirected", destination, stuck, false, "The destination redirects, which is not followed: a redirected POST is lost.", "Set the address that it redirects to."},
	{"refused", source, stuck, false, "The source refuses the request.", "Check SLUICE_HTTP_URL, SLUICE_HTTP_HEADERS and the names of parameters, or the settings SLUICE_S3_*."},
	{"request_budget", source, pressed, true, "The requests of SLUICE_HTTP_REQUESTS_PER are used up for now.", "Nothing, unless records come too late; then raise it."},
	{"request_refused", destination, stuck, false, "SQS does not understand the request.", sqsOnly},
	{"request_too_large", deadletter, refusal, false, "A request is too large for SQS, also with this record alone.", mend},
	{"role_denied", credentials, stuck, false, "STS does not let us assume the role.", "Check its trust policy, SLUICE_ROLE_EXTERNAL_ID, and that the caller may sts:AssumeRole."},
	{"role_invalid", credentials, stuck, false, "STS refuses the settings of the role.", "Check SLUICE_ROLE_ARN and SLUICE_ROLE_DURATION."},
	{"schema_violation", deadletter, refusal, false, "The record does not satisfy the schema in SLUICE_SCHEMA_FILE.", "Mend the records at their source, the map or the schema, and replay the dead letters."},
	{"server_error", source, passing, true, "The source has an error of its own.", wait},
	{"service_error", destination, []Class{Transient, Throttled}, true, "The destination has an error of its own.", wait},
	{"starting", source, nil, true, "Nothing has been read from the source yet.", "If it lasts, look at the log for the source."},
	{"stopped", source, passing, true, "A request was given up because Sluice stops.", "Nothing."},
	{"stream_full", destination, pressed, true, "The stream is full and refuses new messages.", "Raise its limits, or let its readers catch up."},
	{"stream_mismatch", destination, stuck, false, "Another stream than the one expected listens to the subject.", "Correct SLUICE_JETSTREAM_STREAM or SLUICE_JETSTREAM_SUBJECT."},
	{"stream_missing", destination, []Class{Transient, Blocked}, false, "No stream listens to the subject.", "Create one, or correct SLUICE_JETSTREAM_SUBJECT."},
	{"stream_sealed", destination, stuck, false, "The stream takes no messages any more.", "Publish to another stream."},
	{"sts_refused", credentials, stuck, false, "STS refuses the credentials, or something else answers for it.", renew},
	{"sts_region_disabled", credentials, stuck, false, "STS is not active in this region.", "Activate it or set SLUICE_ROLE_STS_REGION."},
	{"sts_throttled", credentials, pressed, true, "STS asks for less.", wait},
	{"sts_unavailable", credentials, passing, true, "STS does not answer; what was assumed is used as long as it is valid.", network},
	{"throttled", both, pressed, true, "The peer asks for less; Sluice goes slower.", "Nothing, unless it lasts; then raise the limits of the peer."},
	{"timeout", bothCredentials + ", source", passing, true, "There was no answer in time; what was sent may have been taken and is sent again.", network},
	{"tls_failed", destination, stuck, false, "The connection to the broker cannot be encrypted.", "Check the scheme and port of the address, and the files of certificates."},
	{"tls_refused", source, stuck, false, "The source or Sluice refuses the certificate of the other.", "Check SLUICE_HTTP_CLIENT_CERT_FILE, SLUICE_HTTP_CLIENT_KEY_FILE and SLUICE_HTTP_CA_FILE."},
	{"tls_untrusted", bothCredentials, stuck, false, "The certificate of the server is not one we trust.", "Check the address, or name the authority's certificates in AWS_CA_BUNDLE."},
	{"too_deep", deadletter, refusal, false, "The record is nested deeper than 64 levels.", mend},
	{"too_many_channels", destination, pressed, true, "RabbitMQ allows no more channels.", "Allow more channels in a connection."},
	{"too_many_files", source, stuck, false, "There are more files than SLUICE_FILE_MAX_FILES.", "Move or delete finished ones (SLUICE_FILE_WHEN_DONE), or raise the limit."},
	{"too_many_known", source, stuck, false, "More records than can be remembered share one time, or stand on one page without times.", "Set SLUICE_HTTP_SINCE_PATH, or use a source with finer times or a cursor."},
	{"too_many_parents", source, stuck, false, "The list of parents is longer than can be kept track of.", "Ask for fewer by parameters in SLUICE_HTTP_URL, with a daemon for each part."},
	{"too_many_pending", destination, pressed, true, "Too many acknowledgements of NATS are outstanding.", "Nothing."},
	{"transient", "source, destination, checkpoint, deadletter", anything, true, "Something failed that has no name yet.", wait},
	{"truncated", source, passing, true, "The answer of the source was cut off.", network},
	{"unauthorized", both, stuck, false, "The peer wants other credentials.", "Correct the credentials of the source, such as SLUICE_HTTP_TOKEN; at the API correct its authorization."},
	{"unexpected_answer", destination, []Class{Transient, Blocked}, false, "The destination answers with something that is no answer of its kind.", "Check that the address and the proxy lead to it."},
	{"unexpected_status", source, stuck, false, "The source answers with a status that is no answer to a request for records.", "Check SLUICE_HTTP_URL."},
	{"unparsable", deadletter, refusal, false, "The item of the source is no record that the settings describe; an earlier version said no more.", mend},
	{"unreachable", destination, passing, true, "The broker cannot be reached.", network},
	{"unroutable", destination, stuck, false, "No queue is bound to the exchange with this routing key.", "Bind one or correct SLUICE_RABBITMQ_ROUTING_KEY."},
	{"unsupported_media_type", destination, stuck, false, "The API does not take this content type.", "Correct SLUICE_APIGATEWAY_CONTENT_TYPE."},
	{"url_too_long", destination, stuck, false, "The address is too long for API Gateway.", "Shorten SLUICE_APIGATEWAY_URL."},
	{"vhost_missing", destination, stuck, false, "The virtual host does not exist.", "Create it or correct the path of SLUICE_RABBITMQ_URL."},
	{"wrong_path", destination, stuck, false, "The API has no such path or no POST on it.", "Correct SLUICE_APIGATEWAY_URL, or deploy the stage."},
	{"wrong_region", source, stuck, false, "The bucket is in another region than the one that the requests are sent to.", "Set SLUICE_S3_REGION to the region that the message names."},
}

// Reasons returns the catalogue, sorted by code.
func Reasons() []Reason { return slices.Clone(reasons) }

// ReasonOf returns what a code means. There is no code that is shown to operators and not known here.
func ReasonOf(code string) (Reason, bool) {
	for _, r := range reasons {
		if r.Code == code {
			return r, true
		}
	}
	return Reason{}, false
}
