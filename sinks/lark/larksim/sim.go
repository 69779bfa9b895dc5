package larksim

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Options shape a simulator. The zero value is a strict one on the real clock,
// without rate limits, quota, latency or lag.
type Options struct {
	Seed  uint64           // of every identifier, token and chance; the same seed gives the same run
	Clock func() time.Time // nil: the real one. [Sim.Advance] moves either; see [Frozen]

	Location *time.Location // of the Bases and of the quota's month; nil: UTC+7
	Brand    string         // "lark" (default) or "feishu": an app of the other brand is refused
	Tenant   string         // tenant_key; default "t0sim"
	Domain   string         // host in document links; default "example.larksuite.com"

	OldStatus  bool // errors of Base and gateway with HTTP 200, as older pages have it (`lark.md` §0, §2.6)
	RateLimits bool // enforce §7.1 and the 429 headers; off, because a frozen clock never opens a new window
	Quota      int  // basic calls a month for the tenant (§7.3); 0: unlimited

	TokenLife       time.Duration // of tenant, app and user access tokens; 0: 2 h
	ClientTokenLife time.Duration // how long a client_token is remembered; 0: 5 min (an assumption, §2.3)

	BatchCap   int // records per batch_create and batch_update; 0: 500
	TableRows  int // records per table, above: 1254103; 0: 200,000
	MaxTables  int // per Base, above: 1254100; 0: 100
	MaxFields  int // per table, above: 1254105; 0: 300
	MaxBody    int // bytes of a request, above: 1254002; 0: 32 MiB
	LogLength  int // requests kept for [Sim.Requests]; 0: 10,000
	MaxWriting int // writes at once in one Base, above: 1254291; 0: 1, negative: no limit

	Latency    time.Duration // real time every write to a Base takes, with the Base held
	ReplicaLag time.Duration // how long a new record stays invisible to reads
	SchemaLag  time.Duration // how long a new field stays unknown to lists and writes
	TableLag   time.Duration // how long a table that a call has made stays unknown to lists

	AutoApprove bool // the consent page approves as the first user, unseen
}

// Sim is one tenant of the platform: apps, users, Bases, chats. It is an
// [http.Handler] and may be used by any number of callers at once. Set-up and
// introspection methods may be called while it serves.
type Sim struct {
	opts   Options
	routes []route

	mu     sync.Mutex // guards everything below, and the bases behind it
	rand   *rand.Rand
	offset time.Duration
	apps   map[string]*app
	users  []*User
	tokens map[string]*tenantToken

	bases     map[string]*base
	baseOrder []string
	gone      map[string]bool // tokens of removed Bases
	nodes     map[string]*WikiNode
	files     map[string]file

	faults  []*armed
	windows map[windowKey]*window
	spent   quota
	record  ledger
	replays map[replayKey]*replay

	login loginState
	chats chatState
	hooks hookState
	board board
}

// New returns an empty tenant.
func New(o Options) *Sim {
	def := func(p *int, n int) {
		if *p == 0 {
			*p = n
		}
	}
	def(&o.BatchCap, 500)
	def(&o.TableRows, 200_000)
	def(&o.MaxTables, 100)
	def(&o.MaxFields, 300)
	def(&o.MaxBody, 32<<20)
	def(&o.LogLength, 10_000)
	def(&o.MaxWriting, 1)
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Location == nil {
		o.Location = time.FixedZone("Asia/Ho_Chi_Minh", 7*3600)
	}
	if o.Brand == "" {
		o.Brand = BrandLark
	}
	if o.Tenant == "" {
		o.Tenant = "t0sim"
	}
	if o.Domain == "" {
		o.Domain = "example.larksuite.com"
	}
	if o.TokenLife == 0 {
		o.TokenLife = 2 * time.Hour
	}
	if o.ClientTokenLife == 0 {
		o.ClientTokenLife = 5 * time.Minute
	}
	s := &Sim{
		opts:    o,
		rand:    rand.New(rand.NewPCG(o.Seed, 0x6c61726b)),
		apps:    map[string]*app{},
		tokens:  map[string]*tenantToken{},
		bases:   map[string]*base{},
		gone:    map[string]bool{},
		nodes:   map[string]*WikiNode{},
		files:   map[string]file{},
		windows: map[windowKey]*window{},
		replays: map[replayKey]*replay{},
		record:  newLedger(o.LogLength),
		login:   newLogin(),
		chats:   newChats(),
		hooks:   newHooks(),
	}
	s.routes = s.table()
	return s
}

// ServeHTTP answers one call of the Open API, of the login pages, of a webhook,
// or of the page at /sim.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := s.begin(r)
	rep := c.serve()
	s.mu.Lock()
	s.record.add(c, rep)
	s.mu.Unlock()
	rep.send(w, r)
}

// SetOldStatus switches the style of HTTP statuses while running; see [Options.OldStatus].
func (s *Sim) SetOldStatus(old bool) { s.set(func() { s.opts.OldStatus = old }) }

// SetLatency changes [Options.Latency] for the writes that begin from now on.
func (s *Sim) SetLatency(d time.Duration) { s.set(func() { s.opts.Latency = d }) }

// SetReplicaLag changes [Options.ReplicaLag] for records made from now on.
func (s *Sim) SetReplicaLag(d time.Duration) { s.set(func() { s.opts.ReplicaLag = d }) }

// SetSchemaLag changes [Options.SchemaLag] for fields made from now on.
func (s *Sim) SetSchemaLag(d time.Duration) { s.set(func() { s.opts.SchemaLag = d }) }

// SetTableRows changes [Options.TableRows].
func (s *Sim) SetTableRows(n int) { s.set(func() { s.opts.TableRows = n }) }

// SetQuota changes [Options.Quota]; calls already spent stay spent.
func (s *Sim) SetQuota(n int) { s.set(func() { s.opts.Quota = n }) }

func (s *Sim) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}
