package audit

// A Fate is what the sender says of a record at the end of a trial.
type Fate uint8

const (
	Unsent    Fate = iota // never attempted
	Accepted              // the destination has said that it has it
	Rejected              // refused for good, and every attempt was answered
	InDoubt               // never accepted, and the outcome of an attempt is unknown: a timeout, a connection cut after sending
	Unsettled             // neither accepted nor refused for good when the trial ended, and every attempt was answered
)

func (f Fate) String() string {
	return [...]string{"unsent", "accepted", "rejected", "in doubt", "unsettled"}[f]
}

// Sent is what the sender knows of one record.
type Sent struct {
	Seq      int    // unlike all others'
	Key      string // order counts among the records of one key
	Fate     Fate   // a fate other than Accepted counts as InDoubt if Unknown is not 0
	Attempts int
	Unknown  int // attempts whose outcome is unknown
}

// Seen is one delivery to the consumer.
type Seen struct {
	ID        string // as it came with the body
	CRC       uint32 // Checksum of the body as it came
	MessageID string // the destination's name for what it has stored; empty: it gives none
	Receives  int    // how often the destination has handed the message out, this time included; 0: it does not say
}

// A Matrix says what became of the records of a trial. Every record that was to be sent is in exactly one of the cells OK,
// Duplicated, Spoiled, Lost, InDoubtSeen, InDoubtUnseen, Rejected, Unsettled, Unsent and GhostRecords; every delivery is the
// first of its record, or a duplicate, or a stranger.
type Matrix struct {
	Sent       int `json:"sent"`       // records that were to be sent
	Deliveries int `json:"deliveries"` // to the consumer, all of them

	Accepted   int `json:"accepted"`   // records: OK + Duplicated + Spoiled + Lost
	OK         int `json:"ok"`         // accepted, and seen once, as it was sent
	Duplicated int `json:"duplicated"` // accepted, and seen more than once, at least once as it was sent
	Spoiled    int `json:"spoiled"`    // accepted, and seen with other bytes only
	Lost       int `json:"lost"`       // accepted, and never seen

	InDoubt       int `json:"in_doubt"`        // records: the next two
	InDoubtSeen   int `json:"in_doubt_seen"`   // it was done all the same
	InDoubtUnseen int `json:"in_doubt_unseen"` // it was not done, or it is lost: nobody was promised anything

	Rejected  int `json:"rejected"`  // and never seen, as it must be
	Unsettled int `json:"unsettled"` // and never seen
	Unsent    int `json:"unsent"`    // and never seen

	Ghosts       int `json:"ghosts"`        // GhostRecords + Strangers
	GhostRecords int `json:"ghost_records"` // records that were not accepted, whose attempts were all answered, and seen
	Strangers    int `json:"strangers"`     // deliveries of what this trial has not sent

	Duplicates Duplicates `json:"duplicates"` // deliveries after the first of a record
	Corrupt    int        `json:"corrupt"`    // deliveries with other bytes than were sent, first ones and duplicates

	Reordered        int     `json:"reordered"`          // records first seen after a later one of their key
	ReorderMaxExtent int     `json:"reorder_max_extent"` // most records of its key that one was late by, as RFC 4737 counts
	ReorderRate      float64 `json:"reorder_rate"`       // share of the records that were seen

	Retries         int `json:"retries"`          // attempts after the first of a record
	UnknownAttempts int `json:"unknown_attempts"` // attempts whose outcome is unknown
	Repeated        int `json:"repeated"`         // entries of the sender's list that name a record again: a mistake of the harness

	// Upper 95 % bounds of the true rates: never having seen something in n records does not make it impossible. They are
	// exact and one-sided (Clopper-Pearson), close to 3/n where the count is 0, and 1 where there is nothing to count in.
	// Lost: per accepted record. Duplicated, reordered: per record seen. Corrupt, ghosts: per delivery.
	LostUpper95       float64 `json:"lost_upper95"`
	DuplicatedUpper95 float64 `json:"duplicated_upper95"`
	CorruptUpper95    float64 `json:"corrupt_upper95"`
	ReorderedUpper95  float64 `json:"reordered_upper95"`
	GhostsUpper95     float64 `json:"ghosts_upper95"`
}

// Duplicates counts deliveries after the first of a record, by cause.
type Duplicates struct {
	Total       int `json:"total"`
	Transport   int `json:"transport"`   // the same message again, handed out as if for the first time
	Retry       int `json:"retry"`       // another message, and the sender had to try again without knowing the outcome
	Redelivery  int `json:"redelivery"`  // the same message again, because it was not confirmed in time
	Unexplained int `json:"unexplained"` // another message that no attempt of unknown outcome accounts for
}
