package lark

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/token"
)

func TestARevokedTokenCostsOneCallAndNoDelay(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	if err := w.create(1); err != nil {
		t.Fatal(err)
	}
	w.sim.RevokeTenantToken(testApp)
	w.sim.ResetCalls()
	before := time.Now()
	if err := w.create(1); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(before); d > time.Second {
		t.Errorf("took %s", d)
	}
	got := w.sim.Calls()[larksim.OpBatchCreate]
	if got.Failed != 1 || got.OK != 1 || w.sim.TokenFetches(testApp) != 2 || w.sim.RowCount(testBase, w.table) != 2 {
		t.Errorf("%+v and %d fetches, %d rows", got, w.sim.TokenFetches(testApp), w.sim.RowCount(testBase, w.table))
	}
}

func TestARevokedTokenIsFetchedOnceByFifty(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	all := func() {
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, err := w.Tables(t.Context(), testBase); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	all()
	if n := w.sim.TokenFetches(testApp); n != 1 {
		t.Errorf("%d fetches for 50 callers", n)
	}
	w.sim.RevokeTenantToken(testApp)
	all()
	if n := w.sim.TokenFetches(testApp); n != 2 {
		t.Errorf("%d fetches after one revocation", n)
	}
}

// The platform refuses the token and hands out the same again: no loop, no record's
// fault, and as soon as there is another token all is well.
func TestAPoisonedTokenHolds(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	if err := w.create(1); err != nil {
		t.Fatal(err)
	}
	w.sim.PoisonTenantToken(testApp)
	w.sim.ResetCalls()
	for range 20 {
		err := w.create(1)
		wait, held := pipeline.IsHold(err)
		if !held || wait <= 0 || !errors.Is(err, token.ErrRefusedAgain) || IsAmbiguous(err) {
			t.Fatalf("%v, wait %s", err, wait)
		}
		harmless(t, err)
	}
	if calls, fetches := w.sim.Calls()[larksim.OpBatchCreate].Total, w.sim.TokenFetches(testApp); calls != 1 || fetches != 2 {
		t.Errorf("20 writes made %d calls and %d fetches", calls, fetches)
	}
	w.sim.Advance(2 * time.Hour)
	if err := w.create(1); err != nil {
		t.Errorf("two hours later: %v", err)
	}
}

// A token that is refused for a moment without being revoked: the platform hands out
// the same one, and it works.
func TestARefusalThatWasAMistake(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	w.sim.Inject(larksim.Fault{Kind: larksim.Refuse, Next: 1})
	err := w.create(1)
	wait, held := pipeline.IsHold(err)
	if !held {
		t.Fatalf("got %v", err)
	}
	w.sim.Advance(wait)
	if err := w.create(1); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

func TestTwoRefusalsHold(t *testing.T) {
	var calls atomic.Int32
	var fetches atomic.Int32
	c := scripted(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		answering(400, `{"code":99991663,"msg":"Invalid access token"}`)(w, r)
	}, func(o *Options) {
		o.Tokens = token.Cache(time.Minute, func(context.Context) (token.Token, error) {
			n := fetches.Add(1)
			return token.Token{Value: token.NewSecret(strings.Repeat("t", int(n))), Expires: time.Now().Add(time.Hour)}, nil
		})
	})
	_, err := c.Tables(t.Context(), testBase)
	if verdictOf(err) != "hold" || ClassOf(err) != Stale || calls.Load() != 2 {
		t.Errorf("%d calls: %v", calls.Load(), err)
	}
}

func TestWrongCredentialsHoldAndSaySo(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	c := w.client(func(o *Options) { o.AppSecret = config.NewSecret("wrong-secret") })
	for _, err := range []error{c.Authenticate(t.Context()), func() error { _, err := c.Tables(t.Context(), testBase); return err }()} {
		if verdictOf(err) != "hold" || ClassOf(err) != Setup || CodeOf(err) != 10015 || strings.Contains(err.Error(), "wrong-secret") {
			t.Errorf("got %v", err)
		}
	}
	if err := w.Authenticate(t.Context()); err != nil {
		t.Error(err)
	}
}

// Every way of losing an answer to a write that was applied leaves it open whether it
// was; of a connection that never was it is known.
func TestLostAnswersAreAmbiguous(t *testing.T) {
	for name, f := range map[string]larksim.Fault{
		"504":             {Kind: larksim.Timeout, Applied: true},
		"504 not applied": {Kind: larksim.Timeout},
		"dropped":         {Kind: larksim.Drop, Applied: true},
		"never answered":  {Kind: larksim.Hang, Applied: true},
		"cut":             {Kind: larksim.Cut, Applied: true},
		"short":           {Kind: larksim.Short, Applied: true},
		"a proxy's page":  {Kind: larksim.Page, Applied: true},
		"a bare 502":      {Kind: larksim.HTTPError, Applied: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, larksim.Options{}, func(o *Options) { o.Timeout = 300 * time.Millisecond })
			if err := w.Authenticate(t.Context()); err != nil {
				t.Fatal(err)
			}
			f.Next, f.On = 1, []larksim.Op{larksim.OpBatchCreate}
			w.sim.Inject(f)
			err := w.create(3)
			if verdictOf(err) != "hold" || !IsAmbiguous(err) {
				t.Errorf("%s, maybe %t: %v", verdictOf(err), IsAmbiguous(err), err)
			}
			harmless(t, err)
			if want := 3; f.Applied && w.sim.RowCount(testBase, w.table) != want {
				t.Errorf("%d rows, want %d: the fault was none", w.sim.RowCount(testBase, w.table), want)
			}
			if n := w.sim.Calls()[larksim.OpBatchCreate].Total; n != 1 {
				t.Errorf("%d calls: a write was repeated on the way", n)
			}
		})
	}
	t.Run("no connection", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		_ = l.Close()
		c := scripted(t, nil, func(o *Options) { o.Endpoint = "http://" + address })
		_, err = c.BatchCreate(t.Context(), testBase, "tblX", "Tên", []Row{{}}, WriteOptions{})
		if verdictOf(err) != "hold" || IsAmbiguous(err) || strings.Contains(err.Error(), address) {
			t.Errorf("maybe %t: %v", IsAmbiguous(err), err)
		}
	})
	t.Run("a transport that tells nothing", func(t *testing.T) {
		w := newWorld(t, larksim.Options{})
		c := w.client(func(o *Options) { o.HTTP = w.sim.Client(); o.Endpoint = "http://lark.invalid" })
		w.sim.Inject(larksim.Fault{Kind: larksim.Drop, Applied: true, Next: 1, On: []larksim.Op{larksim.OpBatchCreate}})
		_, err := c.BatchCreate(t.Context(), testBase, w.table, "Tên", w.rows(1), WriteOptions{})
		if verdictOf(err) != "hold" || !IsAmbiguous(err) {
			t.Errorf("maybe %t: %v", IsAmbiguous(err), err)
		}
	})
}

func TestACancelledCallerIsNoVerdict(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	if err := w.Authenticate(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.sim.Inject(larksim.Fault{Kind: larksim.Hang, Applied: true, Next: 1})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	before := time.Now()
	_, err := w.BatchCreate(ctx, testBase, w.table, "Tên", w.rows(1), WriteOptions{})
	if !errors.Is(err, context.Canceled) || verdictOf(err) != "plain" || !IsAmbiguous(err) || time.Since(before) > 2*time.Second {
		t.Errorf("after %s, maybe %t: %v", time.Since(before), IsAmbiguous(err), err)
	}
	if _, err := w.BatchCreate(ctx, testBase, w.table, "Tên", w.rows(1), WriteOptions{}); !errors.Is(err, context.Canceled) || verdictOf(err) != "plain" {
		t.Errorf("before it was sent: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	w.sim.Inject(larksim.Fault{Kind: larksim.Hang, Next: 1})
	if _, err := w.Tables(ctx, testBase); !errors.Is(err, context.DeadlineExceeded) || verdictOf(err) != "plain" || IsAmbiguous(err) {
		t.Errorf("the caller's own deadline: %v", err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var stolen atomic.Bool
	thief := scripted(t, func(_ http.ResponseWriter, r *http.Request) { stolen.Store(true) })
	for _, status := range []int{301, 302, 307, 308} {
		c := scripted(t, answering(status, "", "Location", thief.endpoint+"/open-apis/x"))
		if _, err := c.BatchCreate(t.Context(), testBase, "tblX", "Tên", []Row{{}}, WriteOptions{}); verdictOf(err) != "hold" {
			t.Errorf("%d: %v", status, err)
		}
	}
	if stolen.Load() {
		t.Error("a redirect was followed")
	}
}

func TestAnswersAreBounded(t *testing.T) {
	c := scripted(t, func(w http.ResponseWriter, _ *http.Request) {
		block := make([]byte, 1<<20)
		for {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}, func(o *Options) { o.Timeout = 20 * time.Second })
	_, err := c.BatchCreate(t.Context(), testBase, "tblX", "Tên", []Row{{}}, WriteOptions{})
	if verdictOf(err) != "hold" || !IsAmbiguous(err) || !strings.Contains(err.Error(), "longer than 64 MiB") {
		t.Errorf("got %v", err)
	}
}

func TestSpentQuotaIsNotAskedAgain(t *testing.T) {
	w := newWorld(t, larksim.Options{Quota: 2})
	for range 2 {
		if err := w.create(1); err != nil {
			t.Fatal(err)
		}
	}
	w.sim.ResetCalls()
	for range 10 {
		err := w.create(1)
		if wait, ok := pipeline.IsHold(err); !ok || wait <= 0 || wait > time.Hour || ClassOf(err) != Quota || CodeOf(err) != 99991403 || IsAmbiguous(err) {
			t.Fatalf("wait %s: %v", wait, err)
		}
	}
	if n := w.sim.Calls()[larksim.OpBatchCreate].Total; n != 1 {
		t.Errorf("%d calls, want 1: a spent quota is no rate limit", n)
	}
	w.sim.Advance(30 * 24 * time.Hour)
	if err := w.create(1); err != nil {
		t.Errorf("next month: %v", err)
	}
}

func TestCallsAreCounted(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	if err := w.create(1); err != nil {
		t.Fatal(err)
	}
	w.sim.Inject(larksim.Fault{Kind: larksim.Answer, Code: 1254291, Next: 1})
	_ = w.create(1)
	var got []string
	for _, c := range w.calls {
		s := string(c.Op)
		if c.Quota {
			s += " quota"
		}
		if c.Failed {
			s += " failed"
		}
		got = append(got, s)
	}
	if s := strings.Join(got, ", "); s != "tenant_token, record.batch_create quota, record.batch_create failed" {
		t.Errorf("told of %s", s)
	}
	if c := w.calls[2]; c.Code != 1254291 || c.HTTP != 400 {
		t.Errorf("%+v", c)
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{
		{Brand: "dingtalk"}, {Endpoint: "open.larksuite.com"}, {Endpoint: "ftp://x"}, {Endpoint: "https://x?a=b"}, {Endpoint: "https://u:p@x"}, {Endpoint: "https://"},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	for brand, host := range map[string]string{"": "https://open.larksuite.com", BrandLark: "https://open.larksuite.com", BrandFeishu: "https://open.feishu.cn"} {
		c, err := New(Options{Brand: brand})
		if err != nil || c.endpoint != host || strings.Replace(c.accounts, "accounts", "open", 1) != host {
			t.Errorf("%q: %s, %s, %v", brand, c.endpoint, c.accounts, err)
		}
	}
	if got := Path("bascn/../x", "a b?"); got != "/bascn%2F..%2Fx/a%20b%3F" {
		t.Errorf("path %s", got)
	}
}

func TestTwoProcessesShareATenantToken(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	key, err := token.NewKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	store := token.NewStore(token.NewMemory(0, nil), token.NewMemory(token.LeaseTTL, nil), key)
	for range 3 {
		c := w.client(func(o *Options) { o.Share = store })
		if _, err := c.Tables(t.Context(), testBase); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.sim.TokenFetches(testApp); n != 1 {
		t.Errorf("%d fetches for three processes", n)
	}
}
