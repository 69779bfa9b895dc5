// Package lark is one client of the Lark (Feishu) Open Platform: its endpoints, its
// tokens, and what its errors mean. The two deployments of the platform, Lark and
// Feishu, differ in host and accounts only.
//
// Every call goes the same way, [Client.Do]: a token is asked for, the request sent
// once, the answer read up to a bound and judged by the platform's code and not by
// the HTTP status (`lark.md` §0). A refused token is dropped and the call made once
// more with a fresh one. Nothing else is repeated: an error says whose fault it is,
// as the worker understands it ([Error.Verdict]), and whether the call may have been
// carried out all the same ([IsAmbiguous]); who calls decides.
//
// The calls are made with net/http. The official SDK is used in tests, where it
// holds this package's requests against its own (`lark.md` §9.3). In the client
// itself it would be in the way: it throws away the body of an HTTP 504, and with it
// the code that says whether rows may have been written; it reads answers of any
// size; its errors quote answers; and its token manager goes on using a token that
// the server has refused (§1.6). What would remain of it are some types.
//
// No error, finding or event of this package holds a token, a query, a request or
// any text from an answer other than identifiers: codes, log ids, scopes, names of
// parameters.
//
// It does not know records, columns by name, or batches of the pipeline (sinks/
// larkbase), nor what is worth telling a chat (sinks/larkchat), nor where a sign-in
// is kept (sinks/token and the application).
package lark

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"mekong/config"
	"mekong/sinks/token"
)

// The brands. An app exists on the one where it was created and on no other.
const (
	BrandLark   = "lark"
	BrandFeishu = "feishu"
)

// Options make a [Client] or an [OAuth].
type Options struct {
	Brand    string // BrandLark or BrandFeishu; "": BrandLark
	Endpoint string // instead of the brand's Open API host, e.g. a simulator's; pages of OAuth too

	AppID     string
	AppSecret config.Secret

	// Tokens is whose identity calls have; nil: the app's own, with a tenant token
	// that is fetched by AppID and AppSecret. A user's is [OAuth.Session].
	Tokens token.Provider
	// Share keeps the tenant token where other processes find it; nil: each has its
	// own. It is kept under a name made of brand, endpoint and AppID.
	Share   *token.Store
	OnToken func(token.Event) // told about the tenant token; nil: nobody

	HTTP    *http.Client  // nil: one of its own. Redirects are never followed
	Timeout time.Duration // for one call; 0: 30 seconds
	Now     func() time.Time

	OnCall func(Call) // told about every call that was sent; quick, from any goroutine
	Budget *Budget    // counts calls and refuses what is over; nil: no bound
}

// Call is one request that was sent, for counting.
type Call struct {
	Op     Op
	HTTP   int  // status; 0: no answer
	Code   int  // the platform's; 0: carried out, or no code was told (see HTTP)
	Quota  bool // it counted against the monthly quota, as far as that is known
	Took   time.Duration
	Failed bool
}

// Client makes calls as one identity. It may be used from any number of goroutines;
// that writes to one Base come one after the other is its user's business.
type Client struct {
	transport
	tokens token.Provider
	budget *Budget

	mu    sync.Mutex
	spent *Error    // the platform says that the month's calls are spent
	until time.Time // and is not asked again before
}

// New makes a client. Nothing is sent yet.
func New(o Options) (*Client, error) {
	t, err := newTransport(o)
	if err != nil {
		return nil, err
	}
	c := &Client{transport: t, tokens: o.Tokens, budget: o.Budget}
	if c.tokens == nil {
		opts := []token.Option{token.Clock(t.now)}
		if o.OnToken != nil {
			opts = append(opts, token.Watch(o.OnToken))
		}
		if o.Share != nil {
			opts = append(opts, token.Sharing(o.Share, "lark.tenant."+t.where()+"."+o.AppID))
		}
		c.tokens = token.Cache(tenantEarly, t.tenantToken, opts...)
	}
	return c, nil
}

// Tokens is where the client gets its token, for its status and its end.
func (c *Client) Tokens() token.Provider { return c.tokens }

// Brand is the deployment the client talks to.
func (c *Client) Brand() string { return c.brand }

// AppID is the app the client belongs to.
func (c *Client) AppID() string { return c.appID }

// Authenticate gets a token if there is none, which proves the credentials and
// nothing else. The error carries a verdict.
func (c *Client) Authenticate(ctx context.Context) error {
	_, err := c.tokens.Token(ctx)
	return c.noToken(ctx, OpTenantToken, err)
}

// transport is what calls with and without a token have in common.
type transport struct {
	brand    string
	endpoint string // no slash at the end
	accounts string
	appID    string
	secret   config.Secret
	http     *http.Client
	timeout  time.Duration
	now      func() time.Time
	onCall   func(Call)
}

func newTransport(o Options) (transport, error) {
	t := transport{brand: o.Brand, appID: o.AppID, secret: o.AppSecret, timeout: o.Timeout, now: o.Now, onCall: o.OnCall}
	if t.brand == "" {
		t.brand = BrandLark
	}
	host := domain(t.brand)
	if host == "" {
		return t, fmt.Errorf("lark: there is no brand %q; write %s or %s", o.Brand, BrandLark, BrandFeishu)
	}
	t.endpoint, t.accounts = "https://open."+host, "https://accounts."+host
	if o.Endpoint != "" {
		u, err := url.Parse(o.Endpoint)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.RawQuery != "" || u.User != nil || u.Fragment != "" {
			return t, errors.New("lark: the endpoint must be an address such as " + t.endpoint + ", without a query")
		}
		t.endpoint = strings.TrimRight(o.Endpoint, "/")
		t.accounts = t.endpoint
	}
	if t.timeout <= 0 {
		t.timeout = 30 * time.Second
	}
	if t.now == nil {
		t.now = time.Now
	}
	t.http = plainClient(o.HTTP)
	return t, nil
}

// where names the deployment in the name of a shared token.
func (t *transport) where() string {
	if t.endpoint == "https://open."+domain(t.brand) {
		return t.brand
	}
	return "at." + short(t.endpoint)
}

// plainClient is a client that follows no redirect: it would carry a token to where
// nobody has configured it to go.
func plainClient(h *http.Client) *http.Client {
	if h == nil {
		tr := http.DefaultTransport.(*http.Transport).Clone()
		tr.MaxIdleConnsPerHost = 4
		tr.ResponseHeaderTimeout = 0 // the call's own limit does
		h = &http.Client{Transport: tr}
	}
	own := *h
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	own.Jar = nil
	return &own
}

// domain is the brand's part of every host name, "" for no brand.
func domain(brand string) string {
	switch brand {
	case BrandLark:
		return "larksuite.com"
	case BrandFeishu:
		return "feishu.cn"
	}
	return ""
}
