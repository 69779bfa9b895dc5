package larksim_test

import (
	"testing"
	"time"

	"mekong/sinks/lark/larksim"
)

func TestRateLimits(t *testing.T) {
	w := newWorld(t, larksim.Options{RateLimits: true})
	for range 20 {
		w.do("POST", w.records("/search"), nil).want(t, 0)
	}
	a := w.do("POST", w.records("/search"), nil)
	a.want(t, 99991400)
	if a.status != 429 || a.header.Get("X-Ogw-Ratelimit-Limit") != "20" || a.header.Get("X-Ogw-Ratelimit-Reset") != "1" {
		t.Errorf("status %d, headers %v", a.status, a.header)
	}
	w.do("GET", w.records(""), nil).want(t, 0) // each API has its own
	w.Advance(time.Second)
	w.do("POST", w.records("/search"), nil).want(t, 0)
	w.SetOldStatus(true)
	for range 19 {
		w.do("POST", w.records("/search"), nil).want(t, 0)
	}
	if a := w.do("POST", w.records("/search"), nil); a.status != 400 || a.Code != 99991400 {
		t.Errorf("old style: %d %d", a.status, a.Code)
	}
}

func TestQuota(t *testing.T) {
	w := newWorld(t, larksim.Options{Quota: 4, OldStatus: false})
	w.do("POST", w.records("/search"), nil).want(t, 0)
	w.do("POST", w.records("/batch_create"), batch(2)).want(t, 0)
	w.do("POST", w.records(""), `{"fields":{"x":1}}`).want(t, 1254045) // 404: not counted
	w.fetch(appID, secret)                                             // nor is the token
	if n := w.QuotaUsed(); n != 2 {
		t.Fatalf("%d used, want 2", n)
	}
	w.SetOldStatus(true)
	w.do("POST", w.records(""), `{"fields":{"x":1}}`).want(t, 1254045) // 200: counted
	w.do("POST", w.records("/search"), nil).want(t, 0)
	a := w.do("POST", w.records("/search"), nil)
	a.want(t, 99991403)
	if a.status != 429 || a.header.Get("X-Ogw-Ratelimit-Reset") != "" {
		t.Errorf("status %d, headers %v", a.status, a.header)
	}
	w.Advance(28 * 24 * time.Hour) // 31 March, in the tenant's zone
	w.token = w.fetch(appID, secret)
	w.do("POST", w.records("/search"), nil).want(t, 99991403)
	w.Advance(24 * time.Hour)
	w.token = w.fetch(appID, secret)
	w.do("POST", w.records("/search"), nil).want(t, 0)
	if w.QuotaUsed() != 1 || w.QuotaTotal() != 5 {
		t.Errorf("used %d, in all %d", w.QuotaUsed(), w.QuotaTotal())
	}
}
