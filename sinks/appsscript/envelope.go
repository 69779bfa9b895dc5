package appsscript

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
)

// protocol is what this package and Code.gs have agreed on.
const protocol = 1

// scriptVersion is that of the Code.gs this was made with.
const scriptVersion = "1.0.0"

// envelope is a whole request.
type envelope struct {
	Mekong  int    `json:"mekong"`
	TS      int64  `json:"ts"` // milliseconds of Unix time
	Batch   string `json:"batch"`
	Payload string `json:"payload"` // JSON, as text: it is what is signed
	Sig     string `json:"sig"`
}

// seal signs a request.
func (s *Sink) seal(batch, payload string) (body, sig string, err error) {
	ts := s.now().UnixMilli()
	sig = s.sign(strconv.FormatInt(ts, 10) + "." + batch + "." + payload)
	b, err := json.Marshal(envelope{protocol, ts, batch, payload, sig})
	if err != nil {
		return "", "", fmt.Errorf("appsscript: a request that JSON has no form for")
	}
	return string(b), sig, nil
}

func (s *Sink) sign(text string) string {
	h := hmac.New(sha256.New, s.secret)
	_, _ = h.Write([]byte(text)) // a hash takes every write
	return hex.EncodeToString(h.Sum(nil))
}

// sealed is a whole answer.
type sealed struct {
	Mekong int    `json:"mekong"`
	Batch  string `json:"batch"`
	Data   string `json:"data"`
	Sig    string `json:"sig"`
}

// answer is what the script says, of any request.
type answer struct {
	OK       bool     `json:"ok"`
	Code     string   `json:"code"`
	Step     string   `json:"step"`
	Wait     int      `json:"wait"` // seconds
	Now      int64    `json:"now"`  // milliseconds of Unix time
	Protocol int      `json:"protocol"`
	Tabs     []string `json:"tabs"`

	ID     string `json:"id"` // of the spreadsheet
	GID    int64  `json:"gid"`
	Rows   []int  `json:"-"`
	Replay bool   `json:"replay"`
	Errors []struct {
		I    int    `json:"i"`
		Code string `json:"code"`
	} `json:"errors"`
	Left int `json:"left"`

	Erased int  `json:"erased"`
	Seen   bool `json:"seen"`

	Script  string   `json:"script"`
	Title   string   `json:"title"`
	Zone    string   `json:"zone"`
	Tab     string   `json:"tab"`
	Headers []string `json:"headers"`
	Key     bool     `json:"key"`
	Version bool     `json:"version"`
	Placed  []string `json:"placed"`
	Keyed   int      `json:"-"`
	Doubles int      `json:"doubles"`
	Cells   int      `json:"cells"`

	// RowsOrCount is a list of rows after a write, and their number after a check.
	RowsOrCount json.RawMessage `json:"rows"`

	signed bool
}

// open reads an answer. ok is false when it is none of the script's; signed says
// whether it proves to be of the script that knows the secret, to the request of sig.
func (s *Sink) open(text []byte, batch, sig string) (a *answer, ok bool) {
	var e sealed
	if json.Unmarshal(text, &e) != nil || e.Mekong < 1 || e.Data == "" {
		return nil, false
	}
	a = &answer{}
	if json.Unmarshal([]byte(e.Data), a) != nil {
		return nil, false
	}
	a.signed = e.Batch == batch && hmac.Equal([]byte(e.Sig), []byte(s.sign("answer."+sig+"."+e.Data)))
	if len(a.RowsOrCount) > 0 && json.Unmarshal(a.RowsOrCount, &a.Rows) != nil && json.Unmarshal(a.RowsOrCount, &a.Keyed) != nil {
		return nil, false
	}
	return a, true
}
