// Package receipt makes the proof of what became of a lead: who, when, with which
// wording of consent, the hash of what was sent, every record and row that was made of
// it, and every try, as a page that can be printed ([Receipt.WriteHTML]) and as a table
// ([Receipt.WriteCSV]).
//
// A receipt is a list of facts. Each is a line of JSON, and each line's hash takes in
// the hash of the line before it:
//
//	hash(n) = SHA-256(hash(n-1) || line(n)),  hash(0) = SHA-256("mekong receipt 1\n")
//
// The last hash, the head, is sealed with the Ed25519 key of the installation ([Key]),
// and so is each file as a whole, page and table alike: whoever has the public key can
// tell with [Verify] that not one byte is other than it was issued, without any of
// Mekong's data. The last fact carries the number that the receipt has in the ledger of
// all receipts ([Ledger]), and the hash of the ledger's line before: a receipt that is
// taken out of the ledger, or put into the past, no longer fits those that came after.
//
// What a receipt proves is what this installation says, and that it has not said
// anything else since. It does not prove that the installation told the truth, nor what
// a page showed beside the box that was ticked.
//
// The package does not know where the facts come from, who may have a receipt, or what
// keeps the ledger ([Table]). A receipt holds personal data: that is what it is for.
package receipt

import (
	"time"
)

// Fact is one thing that a receipt says. The one part that is not nil tells of what kind
// it is.
type Fact struct {
	At   time.Time `json:"at,omitzero"`    // when it was so, with the offset that it is shown in
	Lead string    `json:"lead,omitempty"` // the delivery that it is about, by its ID

	Received  *Received  `json:"received,omitempty"`
	Consent   *Consent   `json:"consent,omitempty"`
	Record    *Record    `json:"record,omitempty"`
	Outcome   *Outcome   `json:"outcome,omitempty"`
	Forgotten *Forgotten `json:"forgotten,omitempty"`
	Issued    *Issued    `json:"issued,omitempty"` // always the last, and only there
}

// Received is a delivery as the door took it. Where SHA256 is empty the delivery itself
// is no longer kept.
type Received struct {
	Source string            `json:"source"`
	Format string            `json:"format,omitempty"`
	Bytes  int               `json:"bytes"`
	SHA256 string            `json:"sha256,omitempty"` // of the body, byte for byte, in hexadecimal digits
	Number uint64            `json:"number,omitempty"` // in the stream of deliveries
	Stored time.Time         `json:"stored,omitzero"`  // when it was on disk
	Facts  map[string]string `json:"facts,omitempty"`  // of the request: address, browser, page
}

// Consent is what came with a delivery about consent. All of it is what the sender's
// form said: whether the box was ticked beforehand is not known to anybody here.
type Consent struct {
	Given   Answer `json:"given"`
	Wording string `json:"wording,omitempty"` // as it was sent; "": none was
	SHA256  string `json:"sha256,omitempty"`  // of the wording, to tell its versions apart
	Sent    []Pair `json:"sent,omitempty"`    // the fields of the form that it was read from, untouched
	At      string `json:"at,omitempty"`      // as it stands in the record
	Form    string `json:"form,omitempty"`
	Page    string `json:"page,omitempty"`
	URL     string `json:"url,omitempty"` // of the page, whole
}

// Answer is yes, no, or that nothing was asked or sent.
type Answer string

// The answers.
const (
	Yes   Answer = "yes"
	No    Answer = "no"
	Empty Answer = "none"
)

// Pair is a name and a value.
type Pair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Record is what was made of a delivery. Fields is nil where the record itself is no
// longer kept.
type Record struct {
	ID       string         `json:"id"`
	Key      string         `json:"key"` // of the row it belongs to
	Kind     string         `json:"kind"`
	Source   string         `json:"source"`
	Occurred time.Time      `json:"occurred,omitzero"`
	Name     string         `json:"name,omitempty"`
	Phone    string         `json:"phone,omitempty"`
	Email    string         `json:"email,omitempty"`
	Fields   map[string]any `json:"fields,omitempty"` // flat, as in pipeline.Record
}

// Outcome is what became of a record at a destination, or of a delivery at the
// transform. A receipt has one for each time that it changed, the oldest first.
type Outcome struct {
	Record   string        `json:"record"`         // its ID, or the delivery's
	Sink     string        `json:"sink"`           // by its name in the configuration
	Type     string        `json:"type,omitempty"` // of the destination: mongodb, sheets, …
	State    State         `json:"state"`
	Took     time.Duration `json:"took,omitempty"`     // of the whole batch, in nanoseconds
	Attempts int           `json:"attempts,omitempty"` // tries that failed and were counted
	Ref      string        `json:"ref,omitempty"`      // where the record now lives
	Why      string        `json:"why,omitempty"`
}

// State is what an outcome is.
type State string

// The states.
const (
	Waiting  State = "waiting" // not settled when the receipt was issued
	Stored   State = "stored"
	Filtered State = "filtered" // a rule left it out
	Buried   State = "buried"   // kept aside, with a reason
	Unburied State = "unburied" // sent on its way again
	Replayed State = "replayed" // sent to the destination once more
	Dropped  State = "dropped"  // given up, by hand
)

// Forgotten says that a person asked to be forgotten. The marks are keyed hashes, as in
// the proof of forgetting; nothing else is told of the person.
type Forgotten struct {
	Marks []string `json:"marks"`
	// Since is set where the person has come again since and the receipt is about that:
	// what there was before is erased.
	Since bool `json:"since,omitempty"`
}

// Issued closes a receipt.
type Issued struct {
	Number uint64 `json:"number"`       // in the ledger
	Prev   string `json:"prev"`         // hash of the ledger's line before, in hexadecimal digits
	Facts  int    `json:"facts"`        // with this one
	By     string `json:"by,omitempty"` // who issues it, in their words
}

// Receipt is a list of facts and its seal. The zero value is none.
type Receipt struct {
	Facts  []Fact
	Number uint64 // in the ledger
	Head   Hash
	Key    PublicKey

	lines []line
	seal  signature
	own   *Key // nil: read from a file, and cannot be written again
}

// Issued is the fact that closes it.
func (r *Receipt) Issued() Issued {
	if n := len(r.Facts); n > 0 && r.Facts[n-1].Issued != nil {
		return *r.Facts[n-1].Issued
	}
	return Issued{}
}

// At is when it was issued.
func (r *Receipt) At() time.Time {
	if n := len(r.Facts); n > 0 {
		return r.Facts[n-1].At
	}
	return time.Time{}
}
