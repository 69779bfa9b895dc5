package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"mekong/sinks/sheets/sheetsim"
)

// What the simulated Google has. Everything in it is invented.
const (
	simSheet   = "1SimulatedSpreadsheet"
	simTalks   = "1SimulatedConversations"
	simAccount = "mekong@simulated.example.com"
)

// simulatedSheet is a simulated Google with a spreadsheet for the demo's leads and one
// for its conversations, and with the quotas that Google has. It is in memory: it begins empty
// with every run, whatever --data keeps.
type simulatedSheet struct {
	sim      *sheetsim.Sim
	listener net.Listener
	server   *http.Server
	failed   chan error // why it stopped, before close
	leads    string     // id of the spreadsheet of leads
	chats    string     // and of that of conversations
	key      string     // the key file of the account that writes
}

// openGoogle starts it. It answers before anything else is opened and until close, so
// that a sink can finish what it has in hand.
func openGoogle(addr string, keeps bool) (*simulatedSheet, error) {
	l, err := listen(addr, "google")
	if err != nil {
		return nil, err
	}
	s := &simulatedSheet{sim: sheetsim.New(sheetsim.Options{}), listener: l, failed: make(chan error, 1), leads: simSheet, chats: simTalks}
	if keeps {
		// What a sink remembers of an earlier run's spreadsheet is not true of this one.
		run := strconv.FormatInt(time.Now().UnixNano(), 36)
		s.leads, s.chats = s.leads+run, s.chats+run
	}
	s.key = string(s.sim.AddAccount(simAccount)(s.endpoint()))
	s.add(s.leads, "Khách hàng", "Nhận lúc", "Họ tên", "Số điện thoại", "Email", "Khóa học", "Nguồn", "Chiến dịch", "Trang", "Lời nhắn")
	s.add(s.chats, "Hội thoại", "Phiên chat", "Họ tên", "Số điện thoại", "Số lượt", "Câu hỏi cuối", "Câu trả lời cuối", "Kết quả", "Bắt đầu lúc", "Lần cuối")
	s.server = simulatorServer(addressedOnly(s.sim))
	go func() { s.failed <- s.server.Serve(l) }()
	return s, nil
}

// add makes a spreadsheet as a team has it, with a header.
func (s *simulatedSheet) add(id, title string, header ...any) {
	s.sim.AddSpreadsheet(id, title, sheetsim.SheetOptions{}, sheetsim.Tab{Title: "Trang tính1", Values: [][]any{header}})
	s.sim.FreezeRows(id, 0, 1)
	s.sim.Share(id, simAccount, sheetsim.Writer)
}

func (s *simulatedSheet) endpoint() string { return "http://" + reachable(s.listener.Addr().String()) }

// link is what the address bar shows while a spreadsheet is open.
func (s *simulatedSheet) link(id string) string { return s.endpoint() + s.path(id) }

func (s *simulatedSheet) path(id string) string { return "/spreadsheets/d/" + id + "/edit?gid=0#gid=0" }

// watch ends a demo whose simulator stops before ctx does.
func (s *simulatedSheet) watch(ctx context.Context) error {
	select {
	case err := <-s.failed:
		return fmt.Errorf("the simulated Google: %w", err)
	case <-ctx.Done():
		return nil
	}
}

func (s *simulatedSheet) close() { _ = s.server.Close() } // what was in it is gone anyway

// count is how many rows below the header a spreadsheet has, and of how many different keys
// they are, by the key column. A row without a key is of none.
func (s *simulatedSheet) count(id string) (rows, keys int64) {
	values := s.sim.Values(id, 0)
	if len(values) == 0 {
		return 0, 0
	}
	at := -1
	for i, v := range values[0] {
		if v == "Mekong ID" {
			at = i
		}
	}
	seen := map[string]struct{}{}
	for _, row := range values[1:] {
		if len(row) == 0 {
			continue
		}
		rows++
		if at >= 0 && at < len(row) {
			if key, _ := row[at].(string); key != "" {
				seen[key] = struct{}{}
			}
		}
	}
	return rows, int64(len(seen))
}
