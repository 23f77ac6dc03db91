package simulation

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"sluice/ingest"
	"sluice/internal/fault"
	"sluice/transport"
)

// An issued record is one that has to arrive, or, if it is bad, to be set aside.
type issued struct {
	n    int
	body string
	bad  bool
	born time.Time
}

// An oracle issues records, and knows what became of each. It trusts nothing that the daemon says, except where the
// daemon says that it does not know: an unknown outcome excuses one more copy.
type oracle struct {
	t interface {
		Errorf(format string, args ...any)
	}
	queue *sqs.Client
	url   *string
	dir   string // of the daemon's state

	draining chan struct{} // holds one token while the queue is being read

	mu       sync.Mutex
	records  []issued
	byBody   map[string]int
	byID     map[string]int          // by the daemon's name for it
	arrived  map[int]int             // copies
	messages map[int]map[string]bool // message ids
	place    map[ingest.Cursor]int   // records before a cursor, by what was read up to it
	saved    int                     // the furthest place that was saved
	cursor   ingest.Cursor           // saved last
	unknown  map[int]int             // outcomes that the daemon could not know
	excused  map[int]int             // ends of a life before its place was saved
	tries    map[int][2]time.Time    // when it was first sent, when the last try ended
	read     int                     // items that Read has returned, in this life
	most     int                     // records that may be in flight, in this life
	newest   int                     // items of the last Read
	altered  int                     // messages that nobody has issued
}

// issue makes record n, the same for the same number, to appear at born.
func (o *oracle) issue(born time.Time) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(o.records)
	r := issued{n: n, born: born, bad: n%41 == 40 || n%53 == 52}
	id := fmt.Sprintf(`"id":"r-%d",`, n)
	if n%41 == 40 {
		id = "" // its parser refuses it
	}
	text := `é \u2028 <b>&amp; \"\\ 😀`
	if n%53 == 52 {
		text += "\uFFFE" // no queue can hold it
	}
	r.body = fmt.Sprintf(`{%s"n":%d,"key":"k%d","ts":%d, "big":%d,"f":1.10,"text":"%s"}`, id, n, n%7, n/5, uint64(1)<<60+uint64(n), text)
	o.records = append(o.records, r)
	o.byBody[r.body] = n
	return n
}

// ServeHTTP is the source: GET /events?since=…&offset=…&limit=…, oldest first, from since on.
func (o *oracle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	number := func(name string) int {
		n, _ := strconv.Atoi(r.URL.Query().Get(name))
		return n
	}
	since, offset, limit := number("since"), number("offset"), number("limit")
	var page bytes.Buffer
	page.WriteString(`{"items":[`)
	o.mu.Lock()
	for _, rec := range o.records {
		if rec.born.After(time.Now()) || rec.n/5 < since {
			continue
		}
		if offset--; offset >= 0 {
			continue
		}
		if limit--; limit < 0 {
			break
		}
		if page.Len() > len(`{"items":[`) {
			page.WriteByte(',')
		}
		page.WriteString(rec.body)
	}
	o.mu.Unlock()
	page.WriteString("]}")
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(page.Bytes())
}

// drain reads what has arrived in the queue. Two at once would each miss what the other has just received and not noted yet.
func (o *oracle) drain(ctx context.Context) {
	o.draining <- struct{}{}
	defer func() { <-o.draining }()
	for {
		out, err := o.queue.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: o.url, MaxNumberOfMessages: 10})
		if err != nil {
			o.t.Errorf("the oracle cannot read the queue: %v", err)
			return
		}
		if len(out.Messages) == 0 {
			return
		}
		in := &sqs.DeleteMessageBatchInput{QueueUrl: o.url}
		o.mu.Lock()
		for i, m := range out.Messages {
			in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle})
			n, known := o.byBody[aws.ToString(m.Body)]
			if !known {
				o.altered++
				o.t.Errorf("P2: arrived, and was never issued: %s", *m.Body)
				continue
			}
			o.arrived[n]++
			if o.messages[n] == nil {
				o.messages[n] = map[string]bool{}
			}
			o.messages[n][*m.MessageId] = true
		}
		o.mu.Unlock()
		if _, err := o.queue.DeleteMessageBatch(ctx, in); err != nil {
			o.t.Errorf("the oracle cannot empty the queue: %v", err)
			return
		}
	}
}

// dead returns how often each record is in the dead-letter file.
func (o *oracle) dead() map[int]int {
	out := map[int]int{}
	err := ingest.ReadDeadLetters(o.dir, func(l ingest.Letter) error {
		raw, err := l.Raw()
		n, known := o.byBody[string(raw)]
		if !known {
			o.altered++
			o.t.Errorf("P2: set aside, and was never issued: %s", raw)
		}
		out[n]++
		return err
	})
	if err != nil {
		o.t.Errorf("dead letters: %v", err)
	}
	return out
}

// innocent is how many good records are in the dead-letter file, those that are there twice counted twice.
func (o *oracle) innocent() (sum int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for n, times := range o.dead() {
		if !o.records[n].bad {
			sum += times
		}
	}
	return sum
}

// A watched source tells the oracle where each cursor stands.
type watchedSource struct {
	ingest.Source
	o *oracle
}

// Read notes what was read.
func (s watchedSource) Read(ctx context.Context, after ingest.Cursor) (ingest.Batch, error) {
	o := s.o
	o.mu.Lock()
	if ahead := o.place[after] - o.saved; ahead > o.most {
		o.t.Errorf("P8: read on although %d records are not saved, want at most %d", ahead, o.most)
	}
	o.mu.Unlock()
	b, err := s.Source.Read(ctx, after)
	if err != nil {
		return b, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	place := o.place[after]
	for _, item := range b.Items {
		n, known := o.byBody[string(item)]
		if !known {
			o.altered++
			o.t.Errorf("P2: read, and was never issued: %s", item)
		}
		place = max(place, n+1)
	}
	o.place[b.Next] = max(place, o.place[b.Next])
	o.read += len(b.Items)
	o.newest = len(b.Items)
	return b, nil
}

// A watched checkpoint lets the oracle look at every cursor before it is saved.
type watchedCheckpoint struct {
	ingest.Checkpoint
	o *oracle
}

// Load returns what was saved last, whatever happened since.
func (c watchedCheckpoint) Load(ctx context.Context) (ingest.Cursor, error) {
	got, err := c.Checkpoint.Load(ctx)
	if err == nil && got != c.o.cursor {
		c.o.t.Errorf("P3: loaded the cursor %q, want %q, which was saved last", got, c.o.cursor)
	}
	return got, err
}

// Save checks P1, P3 and P4: everything before the cursor has arrived or is set aside, and it does not go back.
func (c watchedCheckpoint) Save(ctx context.Context, cursor ingest.Cursor) error {
	o := c.o
	o.drain(context.WithoutCancel(ctx))
	o.mu.Lock()
	place, known := o.place[cursor]
	if !known {
		o.t.Errorf("P4: the cursor %q is saved, and no Read has returned it", cursor)
	}
	if place < o.saved {
		o.t.Errorf("P3: the cursor goes back from record %d to %d", o.saved, place)
	}
	dead := o.dead()
	for n := o.saved; n < place; n++ {
		if o.arrived[n] == 0 && dead[n] == 0 {
			o.t.Errorf("P1: the cursor after record %d is saved, and record %d has neither arrived nor been set aside", place-1, n)
		}
	}
	o.mu.Unlock()
	if err := c.Checkpoint.Save(ctx, cursor); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.saved, o.cursor = max(place, o.saved), cursor
	return nil
}

// observe notes what the daemon knows of a request: which outcomes are in doubt, and when each record was sent.
func (o *oracle) observe(a transport.Attempt) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, r := range a.Records {
		n, known := o.byBody[string(r.Body)]
		if !known {
			o.altered++
			o.t.Errorf("P2: sent, and was never issued: %s", r.Body)
			continue
		}
		if m, named := o.byID[r.ID]; named && m != n {
			o.t.Errorf("P2: the records %d and %d have one id", m, n)
		}
		o.byID[r.ID] = n
		if e := fault.From(a.Results[i].Err); e != nil && e.Ambiguous {
			o.unknown[n]++
		}
		span, tried := o.tries[n]
		if !tried {
			span[0] = a.Start
		}
		span[1] = a.Start.Add(a.Took)
		o.tries[n] = span
	}
}

// ended notes that a life is over: what was not saved may have been delivered, and will be again.
func (o *oracle) ended() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for n := o.saved; n < len(o.records); n++ {
		if _, sent := o.tries[n]; sent {
			o.excused[n]++
		}
	}
	o.read = 0
}
