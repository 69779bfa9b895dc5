package larksim

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
)

// reply is one answer, complete before the first byte is sent.
type reply struct {
	status int
	code   int // of the platform; 0: carried out
	kind   string
	header map[string]string
	body   []byte
	log    string

	hang, drop bool // instead of an answer
	claim      int  // Content-Length, when more is announced than is sent
}

const jsonType = "application/json; charset=utf-8"

// envelope is what nearly every call answers with (`lark.md` §0).
type envelope struct {
	Code  int            `json:"code"`
	Msg   string         `json:"msg"`
	Data  any            `json:"data,omitempty"`
	Error map[string]any `json:"error,omitempty"`
}

// flat is a body that does not come in an envelope: tokens, OAuth, webhooks.
type flat struct{ body any }

// markup is a page instead of JSON.
type markup struct {
	status   int
	location string
	header   map[string]string
	page     []byte
}

// failure is a call that was refused.
type failure struct {
	code   int
	msg    string         // "": the code's name
	status int            // 0: as the table of codes has it, in the style in force
	detail map[string]any // the "error" object
	header map[string]string
	body   any // instead of the envelope
}

func fail(code int) *failure { return &failure{code: code} }

// violation is 99992402, which names the parameter it dislikes.
func violation(field, why string) *failure {
	return &failure{code: 99992402, msg: "field validation failed", detail: map[string]any{
		"field_violations": []map[string]string{{"field": field, "description": why}},
	}}
}

func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		// Every value here was made by this package from decoded JSON.
		panic("larksim: a reply that cannot be JSON: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// answer turns what a handler returned into a reply.
func (c *call) answer(data any, f *failure) reply {
	rep := reply{status: http.StatusOK, kind: jsonType, log: c.logID}
	if f == nil {
		switch d := data.(type) {
		case flat:
			rep.body = encode(d.body)
		case markup:
			rep.kind, rep.status, rep.body = "text/html; charset=utf-8", d.status, d.page
			if rep.header = d.header; d.location != "" {
				rep.header = map[string]string{"Location": d.location}
			}
		default:
			if d == nil {
				d = struct{}{}
			}
			rep.body = encode(envelope{Msg: "success", Data: d})
		}
		return rep
	}
	rep.code, rep.header = f.code, f.header
	name, status := c.s.describe(f.code)
	rep.status = status
	if f.status != 0 {
		rep.status = f.status
	}
	if f.msg != "" {
		name = f.msg
	}
	if f.body != nil {
		rep.body = encode(f.body)
		return rep
	}
	if c.route != nil && c.route.op == OpUserToken && !gateway(f.code) {
		rep.body = encode(oauthShape(f.code, name))
		return rep
	}
	detail := f.detail
	if gateway(f.code) || detail != nil {
		d := map[string]any{"log_id": c.logID}
		for k, v := range detail {
			d[k] = v
		}
		detail = d
	}
	e := envelope{Code: f.code, Msg: name, Error: detail}
	if f.code == 91403 || f.code == 91402 {
		e.Data = struct{}{}
	}
	rep.body = encode(e)
	return rep
}

// send writes rep out, or does to the connection what a fault asks for.
func (rep reply) send(w http.ResponseWriter, r *http.Request) {
	if rep.hang {
		<-r.Context().Done()
	}
	if rep.hang || rep.drop {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = conn.Close()
			return
		}
		panic(http.ErrAbortHandler)
	}
	h := w.Header()
	h.Set("Content-Type", rep.kind)
	h.Set("X-Tt-Logid", rep.log)
	for k, v := range rep.header {
		h.Set(k, v)
	}
	n := len(rep.body)
	if rep.claim > n {
		n = rep.claim
	}
	h.Set("Content-Length", strconv.Itoa(n))
	w.WriteHeader(rep.status)
	_, _ = w.Write(rep.body)
}
