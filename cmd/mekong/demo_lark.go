package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"mekong/sinks/lark/larksim"
)

// simulatedBase is a simulated Lark with a table for the demo's leads. It is in
// memory: it begins empty with every run, whatever --data keeps.
type simulatedBase struct {
	sim      *larksim.Sim
	listener net.Listener
	server   *http.Server
	failed   chan error // why it stopped, before close
	table    string
}

// openLark starts it. It answers before anything else is opened and until close,
// so that a sink can finish what it has in hand.
func openLark(addr string) (*simulatedBase, error) {
	l, err := listen(addr, "lark")
	if err != nil {
		return nil, err
	}
	b := &simulatedBase{listener: l, failed: make(chan error, 1)}
	var sample string
	b.sim, sample = simulatedLark()
	b.table = b.sim.AddTable(simBase, "Khách hàng", customerColumns()...)
	b.sim.RemoveTable(simBase, sample)
	b.server = &http.Server{
		Handler:           addressedOnly(b.sim),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    32 << 10,
	}
	go func() { b.failed <- b.server.Serve(l) }()
	return b, nil
}

// customerColumns are what demo.yaml fills. The sink's own columns are among them:
// what it remembers from an earlier run then fits the new Base too.
func customerColumns() []larksim.Field {
	return []larksim.Field{
		{Name: "Họ tên", Type: larksim.Text},
		{Name: "Số điện thoại", Type: larksim.Phone},
		{Name: "Email", Type: larksim.Text, UI: "Email"},
		{Name: "Khóa học", Type: larksim.MultiSelect, Options: []string{"IELTS", "TOEIC", "Giao tiếp", "Tiếng Anh trẻ em"}},
		{Name: "Nguồn", Type: larksim.SingleSelect, Options: []string{"fb", "google", "tiktok", "zalo"}},
		{Name: "Chiến dịch", Type: larksim.Text},
		{Name: "Trang", Type: larksim.URL},
		{Name: "Nhận lúc", Type: larksim.DateTime, Property: map[string]any{"date_formatter": "yyyy/MM/dd HH:mm", "auto_fill": false}},
		{Name: "Lời nhắn", Type: larksim.Text},
		{Name: "Mekong ID", Type: larksim.Text},
		{Name: "Mekong version", Type: larksim.Text},
		{Name: "Mekong notes", Type: larksim.Text},
	}
}

// endpoint is where the API is.
func (b *simulatedBase) endpoint() string { return "http://" + reachable(b.listener.Addr().String()) }

// link is what the address bar shows while the table is open.
func (b *simulatedBase) link() string { return b.endpoint() + b.path() }

func (b *simulatedBase) path() string { return "/base/" + simBase + "?table=" + b.table }

// watch ends a demo whose simulator stops before ctx does.
func (b *simulatedBase) watch(ctx context.Context) error {
	select {
	case err := <-b.failed:
		return fmt.Errorf("the simulated Lark: %w", err)
	case <-ctx.Done():
		return nil
	}
}

func (b *simulatedBase) close() { _ = b.server.Close() } // what was in it is gone anyway

// count is how many rows the table has, and of how many different leads they are,
// by the key column. A row without a key is of no lead.
func (b *simulatedBase) count() (rows, leads int64) {
	keys := map[string]struct{}{}
	for _, row := range b.sim.Rows(simBase, b.table) {
		rows++
		if key, _ := row.Fields["Mekong ID"].(string); key != "" {
			keys[key] = struct{}{}
		}
	}
	return rows, int64(len(keys))
}

// owed is how many leads the Base's sink had to deal with in this run: what it had
// not when the run began, and what came in since.
func (a *account) owed() int64 {
	was := a.before.base
	return a.after.base.Accepted - was.Stored - was.Buried - was.Filtered
}

// baseVerdict is [account.verdict] for the Base, which began empty: its rows are
// compared with what the ledger says was owed to it in this run.
func (a *account) baseVerdict() error {
	b, was := a.after.base, a.before.base
	buried, filtered := b.Buried-was.Buried, b.Filtered-was.Filtered
	sum := a.after.leads + buried + filtered + b.Waiting
	switch {
	case a.after.rows != a.after.leads:
		return fmt.Errorf("the simulated Base has %d rows, of %d different leads", a.after.rows, a.after.leads)
	case b.Accepted != a.after.balance.Accepted:
		return fmt.Errorf("%d leads were accepted for MongoDB, but %d for the Base", a.after.balance.Accepted, b.Accepted)
	case b.Missing != 0:
		return fmt.Errorf("the balance of the Base does not add up: %d missing", b.Missing)
	case sum > a.owed() && sum-a.owed() <= b.Waiting:
		return nil // as in MongoDB: written, and not yet known to be
	case sum != a.owed():
		return fmt.Errorf("%d leads were for the simulated Base, but %d are accounted for: %d rows, %d buried, %d filtered, %d pending",
			a.owed(), sum, a.after.rows, buried, filtered, b.Waiting)
	}
	return nil
}
