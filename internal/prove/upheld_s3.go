package main

// upheldS3 are bugs in reading the objects of a bucket.
var upheldS3 = []plant{
	{
		name: "s3-etag-ignored", breaks: "P1 P2 P3", bug: "an object that was overwritten is read on in its middle, because its ETag is not compared",
		file: "ingest/s3/object.go",
		old:  "case p.middle() && b.etag != p.ETag:", new: "case false:",
		pkg: "ingest/s3", test: "TestAnObjectThatIsOverwrittenInItsMiddle",
	},
	{
		name: "s3-no-condition", breaks: "P1 P2", bug: "the rest of an object is asked for without the condition that it is the same",
		file: "ingest/s3/object.go",
		old:  "in.IfMatch = aws.String(p.ETag)", new: "_ = p.ETag",
		pkg: "ingest/s3", test: "TestTheConditionIsSent",
	},
	{
		name: "s3-answer-of-another-place", breaks: "P1 P3", bug: "the answer that is open is read on, whatever place was asked for",
		file: "ingest/s3/object.go",
		old:  "kept := s.stream != nil && s.stream.at == *p", new: "kept := s.stream != nil && p.middle()",
		pkg: "ingest/s3", test: "TestContract",
	},
	{
		name: "s3-deleted-in-its-middle", breaks: "P1 P12", bug: "the rest of an object that was deleted in its middle is given up without a word",
		file: "ingest/s3/source.go",
		old:  "				return false, s.lost(*p, err)\n",
		new:  "				if !errors.Is(err, errNoObject) {\n					return false, err\n				}\n				*p = behind(p.Key)\n",
		pkg:  "ingest/s3", test: "TestAnObjectThatIsDeletedInItsMiddle",
	},
	{
		name: "s3-past-what-fails", breaks: "P1 P4", bug: "the place goes behind an object that could not be read",
		file: "ingest/s3/source.go",
		old:  "case at.middle() || err == nil:", new: "case true:",
		pkg: "ingest/s3", test: "TestAnObjectThatFailsBehindAnother",
	},
	{
		name: "s3-listed-and-missing", breaks: "P1 P4", bug: "an object that is listed and cannot be found is passed over",
		file: "ingest/s3/source.go",
		old:  "return false, &fault.Error{Reason: \"object_missing\"", new: "*p = behind(o.key)\n			continue\n			return false, &fault.Error{Reason: \"object_missing\"",
		pkg: "ingest/s3", test: "TestAnObjectThatIsDeletedBeforeItIsBegun",
	},
	{
		name: "s3-young-object-passed", breaks: "P1", bug: "an object that is too young is left out, and those behind it are read",
		file: "ingest/s3/list.go",
		old:  "				p.wait, p.more, p.token = wait, false, \"\"\n				return nil\n", new: "				continue\n",
		pkg: "ingest/s3", test: "TestWritersThatAreLate",
	},
	{
		name: "s3-fence-of-the-newest-page", breaks: "P1", bug: "an object of a later page is judged by the clock of that page, when the pages before it are older",
		file: "ingest/s3/list.go",
		old:  "		now = before.at\n", new: "		_ = before.at\n",
		pkg: "ingest/s3", test: "TestAFenceAcrossPages",
	},
	{
		name: "s3-page-listed-earlier", breaks: "P1", bug: "the end of a page that was listed by an earlier Read is taken for what there is now",
		file: "ingest/s3/list.go",
		old:  "if !g.fresh {", new: "if false {",
		pkg: "ingest/s3", test: "TestWhatIsLeftOutHidesNothing",
	},
	{
		name: "s3-keys-in-no-order", breaks: "P1 P12", bug: "a listing whose keys do not grow is read as if they did",
		file: "ingest/s3/list.go",
		old:  "if key <= p.end {", new: "if key == p.end {",
		pkg: "ingest/s3", test: "TestAStrangerAnswers",
	},
	{
		name: "s3-break-is-the-end", breaks: "P1", bug: "an answer that breaks off is taken for the end of the object",
		file: "ingest/s3/object.go",
		old:  "		case err == io.EOF: //nolint:errorlint // the contract\n			s.closeStream()\n",
		new:  "		case err == io.EOF || st.body.failed != nil:\n			s.closeStream()\n",
		pkg:  "ingest/s3", test: "TestAnAnswerThatBreaksOff",
	},
	{
		name: "s3-unpacked-again-from-its-beginning", breaks: "P3", bug: "a compressed object is asked for again and what was read of it is not passed over",
		file: "ingest/s3/object.go",
		old:  "for p.Offset > st.at.Offset {", new: "for p.Offset > st.at.Offset && !p.Packed {",
		pkg: "ingest/s3", test: "TestContract",
	},
}
