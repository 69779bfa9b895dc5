package scriptsim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ModelOptions say which spreadsheet the script is in.
type ModelOptions struct {
	Secret string           // the script's property MEKONG_SECRET
	ID     string           // of the spreadsheet; "": demo
	Title  string           // "": Mekong
	Tab    string           // name of its one tab; "": Trang tính1
	Zone   *time.Location   // of the spreadsheet; nil: UTC
	Now    func() time.Time // nil: the real clock
}

// Model is the script that Mekong ships, and its spreadsheet, in Go. A test holds it
// against the script itself. All methods may be called at once; they wait for each
// other, as runs of the script do.
type Model struct {
	o ModelOptions

	mu     sync.Mutex
	tabs   []*Tab
	ledger []remembered
	busy   bool
}

type remembered struct {
	batch  string
	errors []rowError
}

type rowError struct {
	I    int    `json:"i"`
	Code string `json:"code"`
}

// What the script knows by itself; see Code.gs.
const (
	protocol       = 1
	window         = 5 * time.Minute
	mostRows       = 500
	mostKeys       = 1000
	mostColumns    = 400
	mostText       = 50_000
	ledgerSize     = 50
	versionHeader  = "Mekong version"
	textFormat     = "@"
	dateFormat     = "yyyy-mm-dd hh:mm:ss"
	generalFormat  = "General"
	defaultRows    = 1000
	defaultColumns = 26
)

// NewModel makes a spreadsheet with one empty tab.
func NewModel(o ModelOptions) *Model {
	if o.ID == "" {
		o.ID = "demo"
	}
	if o.Title == "" {
		o.Title = "Mekong"
	}
	if o.Tab == "" {
		o.Tab = "Trang tính1"
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Model{o: o, tabs: []*Tab{newTab(o.Tab, 0)}}
}

// SetBusy lets runs find the lock taken, or free again.
func (m *Model) SetBusy(busy bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.busy = busy
}

// SetSecret changes the script's property.
func (m *Model) SetSecret(secret string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.o.Secret = secret
}

// Edit lets f do what a person does to the first tab.
func (m *Model) Edit(f func(t *Tab)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(m.tabs[0])
}

type envelope struct {
	Mekong  any         `json:"mekong"`
	TS      json.Number `json:"ts"`
	Batch   string      `json:"batch"`
	Payload string      `json:"payload"`
	Sig     string      `json:"sig"`
}

type payload struct {
	Op        string       `json:"op"`
	Tab       string       `json:"tab"`
	KeyColumn string       `json:"keyColumn"`
	Columns   []wanted     `json:"columns"`
	Rows      []payloadRow `json:"rows"`
	Keys      []string     `json:"keys"`
}

type wanted struct {
	Header string    `json:"header"`
	Names  *[]string `json:"names"`
	Make   bool      `json:"make"`
}

type payloadRow struct {
	K any      `json:"k"`
	V any      `json:"v"`
	C [][2]any `json:"c"`
}

// call is one request under way.
type call struct{ batch, sig, secret string }

type object = map[string]any

// Post is one run of doPost.
func (m *Model) Post(body string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := &call{}
	data := m.serve(c, body)
	data["now"] = m.o.Now().UnixMilli()
	data["protocol"] = protocol
	text := ascii(data)
	sig := ""
	if c.secret != "" {
		sig = sign("answer."+c.sig+"."+text, c.secret)
	}
	return ascii(object{"mekong": protocol, "batch": c.batch, "data": text, "sig": sig})
}

func refusal(code string) object { return object{"ok": false, "code": code} }

func (m *Model) serve(c *call, body string) object {
	var e *envelope
	if err := json.Unmarshal([]byte(body), &e); err != nil || e == nil {
		return refusal("parse")
	}
	if e.Mekong != float64(protocol) {
		return refusal("version")
	}
	c.batch, c.sig = e.Batch, e.Sig
	if m.o.Secret == "" {
		return refusal("setup")
	}
	if !hmac.Equal([]byte(sign(e.TS.String()+"."+e.Batch+"."+e.Payload, m.o.Secret)), []byte(e.Sig)) {
		return refusal("auth")
	}
	c.secret = m.o.Secret
	ts, err := e.TS.Float64()
	if err != nil || math.Abs(float64(m.o.Now().UnixMilli())-ts) > float64(window.Milliseconds()) {
		return refusal("clock")
	}
	var p payload
	if err := json.Unmarshal([]byte(e.Payload), &p); err != nil {
		return object{"ok": false, "code": "internal", "step": "parse", "error": "SyntaxError"}
	}
	switch p.Op {
	case "check":
		return m.check(&p)
	case "write", "forget", "prove":
	default:
		return refusal("op")
	}
	if len(p.Rows) > mostRows || len(p.Keys) > mostKeys {
		return refusal("toomany")
	}
	if m.busy {
		return object{"ok": false, "code": "busy", "wait": 5}
	}
	t, refused := m.tab(p.Tab)
	if refused != nil {
		return refused
	}
	return m.locked(c, t, &p)
}

// locked is the part of a run that has the lock.
func (m *Model) locked(c *call, t *Tab, p *payload) object {
	known, seen := m.recall(c.batch)
	var out object
	var errs []rowError
	switch p.Op {
	case "write":
		out, errs = m.write(t, p, known, seen)
	case "forget":
		out = object{"erased": 0}
		if !seen {
			out["erased"] = m.forget(t, p)
		}
	default:
		out = m.prove(c, t, p)
	}
	if !seen {
		m.ledger = append(m.ledger, remembered{c.batch, errs})
		if len(m.ledger) > ledgerSize {
			m.ledger = m.ledger[1:]
		}
	}
	out["ok"], out["replay"], out["id"], out["gid"] = true, seen, m.o.ID, t.GID
	return out
}

func (m *Model) recall(batch string) ([]rowError, bool) {
	for _, r := range m.ledger {
		if r.batch == batch && batch != "" {
			return r.errors, true
		}
	}
	return nil, false
}

// tab is the one of that name, else the first.
func (m *Model) tab(name string) (*Tab, object) {
	var names []string
	for _, t := range m.tabs {
		if name == "" || t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return nil, object{"ok": false, "code": "tab", "tabs": names}
}

func (m *Model) check(p *payload) object {
	t, refused := m.tab(p.Tab)
	if refused != nil {
		return refused
	}
	headers := t.headers()
	at := place(headers, p)
	rows, distinct := 0, map[string]bool{}
	if at.key >= 0 {
		for i := 1; i < t.lastRow(); i++ {
			if key := plain(t.at(i, at.key).Value); key != "" {
				rows++
				distinct[key] = true
			}
		}
	}
	placed := make([]string, len(at.columns))
	for i, c := range at.columns {
		if c >= 0 {
			placed[i] = headers[c]
		}
	}
	return object{
		"ok": true, "script": "1.0.0", "id": m.o.ID, "title": m.o.Title, "zone": m.o.Zone.String(), "tab": t.Name, "gid": t.GID,
		"headers": headers, "key": at.key >= 0, "version": at.version >= 0, "placed": placed,
		"rows": rows, "doubles": rows - len(distinct), "cells": t.Rows*t.Columns + len(m.tabs[1:])*defaultRows*defaultColumns,
	}
}

func (m *Model) prove(c *call, t *Tab, p *payload) object {
	key := "00-mekong-doctor-" + c.batch
	probe := &payload{KeyColumn: p.KeyColumn, Rows: []payloadRow{{K: key, V: "0", C: [][2]any{}}}}
	out, _ := m.write(t, probe, nil, false)
	row := out["rows"].([]int)[0]
	seen := t.at(row-1, place(t.headers(), p).key).Value == key
	return object{"seen": seen, "erased": m.forget(t, &payload{KeyColumn: p.KeyColumn, Keys: []string{key}})}
}

// ascii is JSON in which no character can be garbled on the way.
func ascii(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return `{"ok":false,"code":"internal"}`
	}
	var out strings.Builder
	for _, r := range strings.TrimSuffix(b.String(), "\n") {
		switch {
		case r < 0x7f:
			out.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

func sign(text, secret string) string {
	h := hmac.New(sha256.New, []byte(secret))
	_, _ = h.Write([]byte(text)) // a hash takes every write
	return hex.EncodeToString(h.Sum(nil))
}

// plain is a cell's value as JavaScript's String gives it.
func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}
