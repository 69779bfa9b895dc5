package sheetsim

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Options shape a simulator. The zero value has the real clock and the quotas that
// Google documents.
type Options struct {
	Seed uint64           // of every identifier, token and chance; the same seed gives the same run
	Now  func() time.Time // nil: the real clock. [Sim.Advance] moves either; see [Frozen]

	// Scale is how much real time a simulated second of delay takes (a slow answer,
	// latency): 0.001 makes Google's 180 s pass in 180 ms. 0 means 1.
	Scale float64

	Quotas    Quotas     // per minute; zero fields are Google's defaults
	NoQuotas  bool       // nothing is ever refused for its number
	Errors    ErrorStyle // of every error body; the zero style is what the Go client gets
	ClipReads bool       // reads that reach past the grid are clipped; otherwise 400, as `sinks.md` §A1 has it

	Latency    time.Duration // simulated time that every API call takes
	AppendRace time.Duration // OVERWRITE appends look for the end of the table, wait this long, then write: parallel ones lose rows

	TokenLife   time.Duration // of access tokens; 0: 1 h
	AnyTime     bool          // the times in a service account's JWT are not looked at: for clients on the real clock beside a frozen one
	Keys        *Keys         // of service accounts; nil: made anew
	Testing     bool          // the OAuth app is in testing: refresh tokens live 7 days
	AutoApprove bool          // the consent page approves as the first user, unseen
	MaxBody     int64         // bytes of a request; 0: 64 MiB
}

// Quotas are calls per minute (`sinks.md` §A2). They are counted apart for reads
// and writes, and anew with every minute of the clock.
type Quotas struct {
	ReadsPerUser, WritesPerUser       int // 0: 60
	ReadsPerProject, WritesPerProject int // 0: 300
}

func (q Quotas) orDefaults() Quotas {
	def := func(p *int, n int) {
		if *p == 0 {
			*p = n
		}
	}
	def(&q.ReadsPerUser, 60)
	def(&q.WritesPerUser, 60)
	def(&q.ReadsPerProject, 300)
	def(&q.WritesPerProject, 300)
	return q
}

// Sim is Google Sheets with its accounts and spreadsheets. It is an [http.Handler]
// and may be used by any number of callers at once; so may its methods.
type Sim struct {
	opts Options

	mu       sync.Mutex // guards everything below, and the books behind it
	rand     *rand.Rand
	offset   time.Duration
	txs      uint64
	made     int                 // service accounts so far
	accounts map[string]*account // service accounts by address
	disabled map[string]bool     // projects without the API
	tokens   map[string]*grant   // access tokens
	login    loginState

	books map[string]*book
	order []string
	fresh map[string]bool // what a 404 that first shows as 503 has already shown

	faults []*armed
	spent  map[bucket]int
	minute int64
	record ledger
}

// New returns a simulator without accounts and spreadsheets.
func New(o Options) *Sim {
	o.Quotas = o.Quotas.orDefaults()
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Scale == 0 {
		o.Scale = 1
	}
	if o.Keys == nil {
		o.Keys = &Keys{}
	}
	if o.TokenLife == 0 {
		o.TokenLife = time.Hour
	}
	if o.MaxBody == 0 {
		o.MaxBody = 64 << 20
	}
	return &Sim{
		opts:     o,
		rand:     rand.New(rand.NewPCG(o.Seed, 0x736865657473)),
		accounts: map[string]*account{},
		disabled: map[string]bool{},
		tokens:   map[string]*grant{},
		login:    newLogin(),
		books:    map[string]*book{},
		fresh:    map[string]bool{},
		spent:    map[bucket]int{},
		record:   newLedger(),
	}
}

// Frozen is a clock that stands at t until [Sim.Advance] moves it.
func Frozen(t time.Time) func() time.Time { return func() time.Time { return t } }

// Advance moves the simulator's clock: tokens expire and minutes of quota begin as
// if d had gone by.
func (s *Sim) Advance(d time.Duration) { s.set(func() { s.offset += d }) }

// Now is the simulator's time.
func (s *Sim) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

// now is Now for a holder of the lock.
func (s *Sim) now() time.Time { return s.opts.Now().Add(s.offset) }

// SetQuotas changes the quotas while running; off turns them off altogether.
func (s *Sim) SetQuotas(q Quotas, off bool) {
	s.set(func() { s.opts.Quotas, s.opts.NoQuotas = q.orDefaults(), off })
}

// SetLatency changes [Options.Latency] for the calls that begin from now on.
func (s *Sim) SetLatency(d time.Duration) { s.set(func() { s.opts.Latency = d }) }

// SetErrorStyle changes [Options.Errors].
func (s *Sim) SetErrorStyle(e ErrorStyle) { s.set(func() { s.opts.Errors = e }) }

// SetAppendRace changes [Options.AppendRace].
func (s *Sim) SetAppendRace(d time.Duration) { s.set(func() { s.opts.AppendRace = d }) }

func (s *Sim) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// wait passes d of simulated delay in real time, less if the caller goes away.
func (s *Sim) wait(r *http.Request, d time.Duration) {
	d = time.Duration(float64(d) * s.opts.Scale)
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
	}
}

// id is an identifier that looks like Google's. The caller holds the lock.
func (s *Sim) id(n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	out := make([]byte, n)
	for i := range out {
		out[i] = letters[s.rand.IntN(len(letters))]
	}
	return string(out)
}

// begin starts an atomic change. The caller holds the lock.
func (s *Sim) begin(b *book) *tx {
	s.txs++
	b.edition++
	return &tx{b: b, id: s.txs}
}
