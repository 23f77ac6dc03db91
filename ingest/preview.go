package ingest

import "sluice/transport"

// Preview says what a Pipeline would do with the item at i of a Batch, as far as that does not depend on the destination: it
// delivers the records, none if the item is left out, or sets it aside for the reason in refused.
func Preview(b Batch, i int, parse Parser) (records []transport.Record, refused *Refused) {
	item, position := b.Items[i], ""
	if b.Position != nil {
		position = b.Position(i)
	}
	if bad := b.Bad[i]; bad != nil {
		return nil, &Refused{Item: item, Position: position, Stage: StageRead, Reason: misread(bad)}
	}
	records, err := parse(item)
	if err != nil {
		err = Unparsable(err)
		return nil, &Refused{Item: item, Position: position, Stage: stageOf(err), Reason: err}
	}
	return records, nil
}
