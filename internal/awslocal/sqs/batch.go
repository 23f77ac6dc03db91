package sqs

const maxEntries = 10 // SQS: of one batch

// A failedEntry is the fate of a batch entry that was refused. Its neighbours have their own.
type failedEntry struct {
	ID          string `json:"Id" query:"Id"`
	SenderFault bool
	Code        string
	Message     string
}

// An identified is an entry whose batch was accepted.
type identified struct {
	ID string `json:"Id" query:"Id"`
}

// checkBatch applies the rules that refuse a batch as a whole: 1 to 10 entries, with ids that are well formed and
// distinct. entry is what the service calls an entry of this action.
func checkBatch[T any](entry string, entries []T, id func(T) string) error {
	if len(entries) == 0 {
		return errEmptyBatch(entry)
	}
	if len(entries) > maxEntries {
		return errTooManyEntries(len(entries))
	}
	for _, e := range entries {
		if !isEntryID(id(e)) {
			return errBatchEntryID()
		}
	}
	for i, e := range entries {
		for _, earlier := range entries[:i] {
			if id(e) == id(earlier) {
				return errIDsNotDistinct(id(e))
			}
		}
	}
	return nil
}

// refused is the entry for err in a batch's answer.
func refused(id string, err error) failedEntry {
	f := failure(err)
	return failedEntry{ID: id, SenderFault: f.status < 500, Code: f.code, Message: f.message}
}

// eachEntry carries out one action per entry under the lock, unless f is against it, and sorts the entries by outcome.
func eachEntry[T any](f *Effect, entries []T, id func(T) string, do func(T) error) (ok []identified, failed []failedEntry) {
	ok, failed = []identified{}, []failedEntry{}
	for i, entry := range entries {
		var err error
		switch n := len(entries); {
		case f.on(Ignore, i, n):
			continue
		case f.on(FailEntries, i, n):
			err = f.failure()
		case !f.on(Drop, i, n):
			err = do(entry)
		}
		if err != nil {
			failed = append(failed, refused(id(entry), err))
		} else {
			ok = append(ok, identified{ID: id(entry)})
		}
	}
	return affectReply(f, ok, func(e *identified) *string { return &e.ID }), failed
}
