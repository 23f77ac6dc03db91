package main

import "slices"

// plants are the bugs that every run has to catch: twelve that tools of this kind have had, those that Sluice itself has had,
// one for each place that upholds an invariant, and those in the lines that read, cut and shape records.
func plants() []plant {
	return slices.Concat(invented, found, upheld, upheldState, upheldPages, upheldFiles, upheldOrigins, upheldFormats, upheldS3)
}

// invented are bugs that tools of this kind have had.
var invented = []plant{
	{
		name: "checkpoint-before-send", breaks: "P1 P4", bug: "the cursor is saved before its batch is delivered",
		file: "ingest/pipeline.go",
		old:  "	err := r.settle(hard, batch)\n",
		new:  "	r.tracker.settle(s)\n	_ = r.commit(hard)\n	err := r.settle(hard, batch)\n",
		pkg:  "ingest", test: "TestSimulation",
	},
	{
		name: "newest-settled-wins", breaks: "P1 P4", bug: "the cursor of the newest settled batch is saved, whatever is open before it",
		file: "ingest/tracker.go",
		old:  "	for n < len(t.open) && t.open[n].settled {\n		next = t.open[n].next\n		n++\n	}\n",
		new:  "	for i, s := range t.open {\n		if s.settled {\n			n, next = i+1, s.next\n		}\n	}\n",
		pkg:  "ingest", test: "TestSimulation",
	},
	{
		name: "ignore-failed-entries", breaks: "P1 P14", bug: "entries that SQS reports as failed count as accepted",
		file: "transport/sqs/send.go",
		old:  "res.Err = classifyEntry(f, len(entries) == 1)\n",
		new:  "_ = classifyEntry(f, len(entries) == 1)\n",
		pkg:  "transport/sqs", test: "TestEachEntryHasItsOwnFate",
	},
	{
		name: "dead-letter-on-403", breaks: "P1 P16", bug: "a refusal for lack of permission sets records aside",
		file: "transport/apigateway/rules.go",
		old:  "denied        = verdict{fault.Blocked,",
		new:  "denied        = verdict{fault.Rejected,",
		pkg:  "transport/apigateway", test: "TestVerdictOnAnAnswer",
	},
	{
		name: "follow-redirects", breaks: "P1 P13", bug: "a redirect is followed, which turns a POST into a GET that succeeds, and takes the keys along",
		file: "internal/awscreds/wire.go",
		old:  "return http.ErrUseLastResponse }", new: "return nil }",
		pkg: "internal/awscreds", test: "TestNoRedirectIsFollowed",
	},
	{
		name: "no-jitter", breaks: "P11", bug: "all who wait come back at the same moment",
		file: "internal/backoff/backoff.go",
		old:  "	return time.Duration(random() * float64(d))\n",
		new:  "	_ = random\n	return d\n",
		pkg:  "internal/backoff", test: "TestWaitIsSpreadOverTheWholeRange",
	},
	{
		name: "secret-in-the-log", breaks: "P13", bug: "a secret that is formatted shows itself",
		file: "internal/secret/secret.go",
		old:  "f.Write([]byte(v.String()))", new: "f.Write([]byte(v.Reveal()))",
		pkg: "internal/secret", test: "TestNoWayOfPrintingShowsTheSecret",
	},
	{
		name: "unbounded-reading", breaks: "P8", bug: "reading goes on while nothing is delivered",
		file: "ingest/pipeline.go",
		old:  "			select { // I5: when sending stops, reading stops\n			case r.slots <- struct{}{}:\n			case <-soft.Done():\n				return nil\n			}\n",
		new:  "			r.wg.Go(func() { r.slots <- struct{}{} })\n",
		pkg:  "ingest", test: "TestReadingStopsWhenSendingStops",
	},
	{
		name: "lock-that-outlives-its-holder", breaks: "P15", bug: "the lock is a file that must not be there, so that it stays after a SIGKILL",
		file: "ingest/checkpoint.go",
		old:  `filepath.Join(o.Dir, "lock"), os.O_CREATE|os.O_RDWR`,
		new:  `filepath.Join(o.Dir, "lock"), os.O_CREATE|os.O_EXCL|os.O_RDWR`,
		pkg:  "cmd/sluice", test: "TestCrash",
	},
	{
		name: "no-loop-guard", breaks: "P12", bug: "pages that lead in a circle are followed for ever",
		file: "ingest/httpapi/loop.go",
		old:  "	if x == l.Mark {\n		return true\n	}\n", new: "",
		pkg: "ingest/httpapi", test: "TestContract",
	},
	{
		name: "whole-batch-again", breaks: "P5", bug: "one entry that failed has all of its request sent again",
		file: "transport/sqs/send.go",
		old:  "				res.Err = classifyEntry(f, len(entries) == 1)\n				continue\n",
		new:  "				for i := range results {\n					results[i].Err = classifyEntry(f, len(entries) == 1)\n				}\n				return\n",
		pkg:  "transport/sqs", test: "TestEachEntryHasItsOwnFate",
	},
	{
		name: "no-folder-sync", breaks: "P3", bug: "the folder is not synced after a rename, so that a loss of power brings the old file back",
		file: "internal/atomicfile/fs.go",
		old:  "	return errors.Join(d.Sync(), d.Close())\n",
		new:  "	return errors.Join(d.Close())\n",
		pkg:  "ingest", test: "TestPowerLoss", arg: "-rapid.nofailfile",
	},
}
