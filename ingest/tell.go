package ingest

import "context"

// tell lets a source that is a Committer act on c, which is saved. Failing is trouble of the source that stops nothing;
// only with Once it is returned, because nobody would look at it later. Whoever calls it holds the token of saving, or is
// alone.
func (r *run) tell(ctx context.Context, c Cursor) error {
	source, ok := r.p.Source.(Committer)
	if !ok || c == "" {
		return nil
	}
	err := source.Commit(ctx, c)
	if ctx.Err() != nil {
		return nil // it is told at the next start
	}
	if err == nil {
		r.untold = ""
		r.troubles.end(&r.telling)
		return nil
	}
	r.untold = c
	r.troubles.begin(&r.telling, err)
	if r.p.Once {
		return err
	}
	return nil
}

// tellAgain repeats what has failed, unless a Save is under way, which will.
func (r *run) tellAgain(ctx context.Context) {
	select {
	case r.saving <- struct{}{}:
		defer func() { <-r.saving }()
	default:
		return
	}
	if r.untold != "" {
		_ = r.tell(ctx, r.untold) // told as trouble
	}
}
