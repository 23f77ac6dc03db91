package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/time/rate"

	"sluice/ingest"
	"sluice/internal/drivers"
	"sluice/internal/fault"
	"sluice/transport"
)

// replayBatch is how many dead letters are delivered together, and then removed together.
const replayBatch = 100

func replayLettersCommand() *cobra.Command {
	var c choice
	cmd := &cobra.Command{
		Use:   "replay [ID...]",
		Short: "Send dead letters again, and remove those that were accepted",
		Long: `Sends dead letters again through the configured transport, with the settings of
now: mend the cause first. A record has the ID that it had before. What is
accepted is removed; what is refused again stays, and the command ends with 1.
A line that is spoiled stays too, and is named at the end (65).
Interrupted between the two, it sends a record once more the next time.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c.ids = args
			settings, err := drivers.Load(drivers.ForSource | drivers.ForTransport)
			if err != nil {
				return withCode(exitConfig, err)
			}
			if err := stateThere(settings.Core.StateDir); err != nil {
				return err
			}
			letters, spoiled, err := c.letters(settings.Core.StateDir)
			if err != nil {
				return err
			}
			return errors.Join(replay(cmd.Context(), cmd.OutOrStdout(), settings, letters), spoiledLines(spoiled))
		},
	}
	c.flags(cmd)
	return cmd
}

// replay delivers letters in portions, so that trouble with one does not keep those before it from being removed.
func replay(ctx context.Context, out io.Writer, s *drivers.Settings, letters []ingest.Letter) error {
	source, err := s.Source() // whose stream is part of the IDs
	if err != nil {
		return withCode(exitConfig, err)
	}
	defer source.Close()
	parse, err := naming(s, source).Compile()
	if err != nil {
		return withCode(exitConfig, err)
	}
	destination, err := s.Transport(ctx)
	if err != nil {
		return withCode(exitConfig, err)
	}
	defer destination.Close()
	deliverer := &transport.Deliverer{Transport: destination, Timeout: destination.Timeout, Concurrency: s.Core.Concurrency, Backoff: hasty, Patience: patience}
	if s.Core.RateLimit > 0 {
		deliverer.Limiter = rate.NewLimiter(rate.Limit(s.Core.RateLimit), 1)
	}
	r := &replayed{out: out, dir: s.Core.StateDir, parse: parse, deliver: deliverer.Deliver}
	for portion := range slices.Chunk(letters, replayBatch) {
		if err := r.portion(ctx, portion); err != nil {
			return err
		}
	}
	if r.refused > 0 {
		return withCode(exitFailure, fmt.Errorf("%d accepted; %d refused again, which stay", r.accepted, r.refused))
	}
	if r.leftOut > 0 {
		_, err = fmt.Fprintf(out, "%d accepted; %d left out, which stay until they are dropped\n", r.accepted, r.leftOut)
		return err
	}
	_, err = fmt.Fprintf(out, "%d accepted\n", r.accepted)
	return err
}

// replayed is how a replay goes.
type replayed struct {
	out               io.Writer
	dir               string
	parse             ingest.Parser
	deliver           func(context.Context, []transport.Record) []transport.Result
	accepted, refused int
	leftOut           int
}

// portion delivers letters, removes those that were accepted, and only then tells of them: were the reader of our output
// gone, we would end in between and send them all again the next time.
func (r *replayed) portion(ctx context.Context, letters []ingest.Letter) error {
	var sent []sentLetter
	var gone []ingest.Letter
	var records []transport.Record
	var told strings.Builder
	for _, l := range letters {
		made, err := r.make(&told, l)
		if err != nil {
			return err
		}
		if len(made) == 0 {
			continue
		}
		sent, records = append(sent, sentLetter{l, made}), append(records, made...)
	}
	var trouble error
	results := r.deliver(ctx, records)
	for _, s := range sent {
		var refused, undelivered error
		for _, result := range results[:len(s.records)] {
			switch {
			case result.Err == nil:
			case fault.Is(result.Err, fault.Rejected):
				refused = cmp.Or(refused, result.Err)
			default:
				undelivered = result.Err
			}
		}
		results = results[len(s.records):]
		switch {
		case undelivered != nil:
			trouble = undelivered
		case refused != nil:
			r.stays(&told, s.Letter, refused)
		default:
			gone = append(gone, s.Letter)
			s.tell(&told)
		}
	}
	if _, err := remove(r.dir, gone); err != nil {
		return fmt.Errorf("remove what was accepted: %w", err)
	}
	r.accepted += len(gone)
	if _, err := io.WriteString(r.out, told.String()); err != nil {
		return err
	}
	if trouble == nil {
		return nil
	}
	return withCode(exitUnavailable, fmt.Errorf("%d accepted, the others stay (%s): %w", r.accepted, fault.From(trouble).Code(), adviseAgain(trouble)))
}

// make returns the records of a letter now, or tells why it stays.
func (r *replayed) make(told io.Writer, l ingest.Letter) ([]transport.Record, error) {
	item, err := l.Raw()
	if err != nil {
		return nil, err
	}
	if l.Stage == ingest.StageRead { // only the source knows its format: a cut row may look like a whole record
		r.stays(told, l, &fault.Error{Class: fault.Rejected, Reason: l.Reason, Err: errors.New(
			"the source could not make a record of it; mend it where it came from, and drop this")})
		return nil, nil
	}
	made, err := r.parse(item)
	switch {
	case err != nil:
		r.stays(told, l, ingest.Unparsable(err))
		return nil, nil
	case len(made) == 0: // who mistypes a filter must not lose what it leaves out
		r.leftOut++
		fmt.Fprintf(told, "%s  stays     left out by SLUICE_FILTER or SLUICE_MAP\n", l.ID)
	}
	return made, nil
}

// A sentLetter is a dead letter and the records that are made of it now. It has one fate, like the item that it was.
type sentLetter struct {
	ingest.Letter
	records []transport.Record
}

// tell says that all records of the letter were accepted.
func (s sentLetter) tell(told io.Writer) {
	for _, record := range s.records {
		fmt.Fprintf(told, "%s  accepted  id=%s\n", s.ID, record.ID)
	}
}

func (r *replayed) stays(told io.Writer, l ingest.Letter, err error) {
	r.refused++
	fmt.Fprintf(told, "%s  stays     %s: %v\n", l.ID, fault.From(err).Code(), err)
}
