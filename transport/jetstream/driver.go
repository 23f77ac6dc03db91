package jetstream

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	api "github.com/nats-io/nats.go/jetstream"

	"sluice/internal/wire"
	"sluice/transport"
)

const (
	opConnect = "jetstream.Connect"
	opPublish = "jetstream.Publish"
	opLook    = "jetstream.StreamInfo"

	// One Send has one timeout, so it carries no more than a slow server takes in that time.
	maxRecords  = 100
	maxBytes    = 8 << 20
	maxInFlight = 256
	maxPending  = 2 * maxRecords * maxInFlight // acknowledgements that the library waits for, late ones of ended Sends included

	// electing is how long a stream that has acknowledged a record may be without a leader before it counts as gone: a
	// message to it finds nobody who listens, as if there were no stream.
	electing = 15 * time.Second
)

// A Transport publishes to one subject. It is safe for concurrent use.
type Transport struct {
	cfg  Config
	caps transport.Capabilities
	wire *wire.Wire

	mu         sync.Mutex
	link       *link
	attempt    *attempt // under way; nil: none
	background sync.WaitGroup

	electing time.Duration
	accepted atomic.Int64 // Unix nanoseconds of the last acknowledgement; 0: none yet
}

// Open connects, and reads from server and stream how large a message may be and for how long a repeated ID is dropped.
// A server or stream that cannot be reached is no error: Send and Check say so, and delivery begins when it is there;
// but then the limits are not known, and what the server refuses is rejected when it is sent.
func Open(ctx context.Context, cfg Config) (*Transport, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	var trial nats.Options
	for _, option := range cfg.options() { // files that cannot be read, and credentials that are none
		if err := option(&trial); err != nil {
			return nil, err
		}
	}
	t := &Transport{cfg: cfg, wire: wire.New(cfg.Timeout, cfg.Tap), electing: electing}
	t.caps = transport.Capabilities{MaxRecords: maxRecords, MaxBytes: maxBytes, MaxInFlight: maxInFlight, Ordered: true}
	ctx, cancel := t.limit(ctx)
	defer cancel()
	l, err := t.connected(ctx)
	if err != nil {
		return t, nil
	}
	t.caps.MaxRecordBytes = int(l.nc.MaxPayload())
	if stream, err := t.look(ctx, l); err == nil {
		if most := int(stream.MaxMsgSize); most > 0 {
			t.caps.MaxRecordBytes = min(t.caps.MaxRecordBytes, most)
		}
		t.caps.Dedup = stream.Duplicates
	}
	return t, nil
}

// Capabilities are those of server and stream as they were when the Transport was opened.
func (t *Transport) Capabilities() transport.Capabilities { return t.caps }

// Check looks at the stream without publishing. That we may publish to it shows only when a record is sent.
func (t *Transport) Check(ctx context.Context) error {
	ctx, cancel := t.limit(ctx)
	defer cancel()
	l, err := t.connected(ctx)
	if err != nil {
		return err
	}
	_, err = t.look(ctx, l)
	return err
}

// look returns the settings of the stream that listens to the subject.
func (t *Transport) look(ctx context.Context, l *link) (api.StreamConfig, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	bell := l.listen(&l.looks)
	defer context.AfterFunc(bell, func() { cancel(context.Cause(bell)) })()
	name, err := l.js.StreamNameBySubject(ctx, t.cfg.Subject)
	if err != nil {
		return api.StreamConfig{}, t.classifyLook(ctx, l, err)
	}
	if t.cfg.Stream != "" && name != t.cfg.Stream {
		return api.StreamConfig{}, t.verdict(streamMismatch, opLook, "the stream "+name+" listens to the subject")
	}
	stream, err := l.js.Stream(ctx, name)
	if err != nil {
		return api.StreamConfig{}, t.classifyLook(ctx, l, err)
	}
	return stream.CachedInfo().Config, nil
}

// Close closes the connection, and ends an attempt to open one.
func (t *Transport) Close() error {
	t.wire.Shut()
	t.background.Wait()
	if t.link != nil {
		t.link.nc.Close()
	}
	return nil
}
