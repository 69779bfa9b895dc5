package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"mekong/sinks/lark/larksim"
)

// simulatedBase is a simulated Lark with a table for the demo's leads, another for its
// conversations, and a chat with a bot. It is in memory: it begins empty with every run,
// whatever --data keeps.
type simulatedBase struct {
	sim      *larksim.Sim
	listener net.Listener
	server   *http.Server
	failed   chan error // why it stopped, before close
	table    string     // of leads
	chats    string     // of conversations
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
	b.chats = b.sim.AddTable(simBase, "Hội thoại", conversationColumns()...)
	b.sim.RemoveTable(simBase, sample)
	breakable(b.sim, b.table)
	b.server = simulatorServer(addressedOnly(b.sim))
	go func() { b.failed <- b.server.Serve(l) }()
	return b, nil
}

// simulatorServer serves a simulator.
func simulatorServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    32 << 10,
	}
}

// openChat lets a person write to the bot, whose events go to url.
func (b *simulatedBase) openChat(url, token, key string) {
	b.sim.OpenChat(larksim.ChatPage{User: simUser, Bot: "Trợ lý Mekong", Events: larksim.Subscription{
		URL: url, App: simAppID, Token: token, Key: key, Client: &http.Client{Transport: &http.Transport{}},
	}})
}

// conversationColumns are what demo.yaml fills of a conversation.
func conversationColumns() []larksim.Field {
	date := map[string]any{"date_formatter": "yyyy/MM/dd HH:mm", "auto_fill": false}
	return []larksim.Field{
		{Name: "Phiên chat", Type: larksim.Text},
		{Name: "Họ tên", Type: larksim.Text},
		{Name: "Số điện thoại", Type: larksim.Phone},
		{Name: "Số lượt", Type: larksim.Number, Property: map[string]any{"formatter": "0"}},
		{Name: "Câu hỏi cuối", Type: larksim.Text},
		{Name: "Câu trả lời cuối", Type: larksim.Text},
		{Name: "Kết quả", Type: larksim.SingleSelect, Options: []string{"contact_captured", "handoff"}},
		{Name: "Bắt đầu lúc", Type: larksim.DateTime, Property: date},
		{Name: "Lần cuối", Type: larksim.DateTime, Property: date},
		{Name: "Mekong ID", Type: larksim.Text},
		{Name: "Mekong version", Type: larksim.Text},
		{Name: "Mekong notes", Type: larksim.Text},
	}
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

// link is what the address bar shows while a table is open.
func (b *simulatedBase) link(table string) string { return b.endpoint() + b.path(table) }

func (b *simulatedBase) path(table string) string { return "/base/" + simBase + "?table=" + table }

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

// count is how many rows a table has, and of how many different keys they are, by the
// key column. A row without a key is of none.
func (b *simulatedBase) count(table string) (rows, keys int64) {
	seen := map[string]struct{}{}
	for _, row := range b.sim.Rows(simBase, table) {
		rows++
		if key, _ := row.Fields["Mekong ID"].(string); key != "" {
			seen[key] = struct{}{}
		}
	}
	return rows, int64(len(seen))
}
