package ladipage

import (
	"crypto/sha256"
	"net/http"
	"strings"
	"time"

	"mekong/sources/form"
	"mekong/sources/identity"
	"mekong/sources/request"
)

// id is described at [Receiver.Receive].
func (r *Receiver) id(req *http.Request, p form.Parsed, now time.Time) string {
	var room [2048]byte // most submissions fit, and cost no allocation
	own := senderID(req, p)
	content := append(room[:0], own...)
	content = append(content, 0) // no ID holds one, so the two parts stay apart
	content = form.AppendCanonical(content, p, incidental)
	if own != "" {
		return identity.Hashed(r.name, sha256.Sum256(content))
	}
	return r.window.ID(r.name, sha256.Sum256(content), now)
}

// bodyID is the ID of what was not understood or not let in: its very bytes. A
// stranger must not be able to fill the window's memory.
func (r *Receiver) bodyID(body []byte) string {
	return identity.Hashed(r.name, sha256.Sum256(body))
}

// senderID returns the sender's own ID, or "".
func senderID(req *http.Request, p form.Parsed) string {
	if own := strings.TrimSpace(req.Header.Get("Idempotency-Key")); plausible(own) {
		return own
	}
	for _, name := range [...]string{"submission_id", "event_id", "message_id"} {
		if own := value(p, name); plausible(own) {
			return own
		}
	}
	return ""
}

// plausible tells an ID from what a page sends when its script failed: nothing,
// "null", "undefined", "{{id}}", a lone number. Believing one of those would
// make a customer's second enquiry, a month later, a repeat of the first.
func plausible(id string) bool {
	return len(id) >= 8 && strings.ContainsAny(id, "0123456789") && !strings.ContainsAny(id, "{}<>$\x00")
}

// incidental names the fields that differ between two sendings of one
// submission, or may: when it was sent, how it was tracked, one-time codes
// (`sources.md` §1.3, §4.6), and the IDs that [senderID] has looked at.
// UTM fields and the page's address stay: another campaign is another touch.
func incidental(name string) bool {
	if len(name) > len("ladi_client_id") {
		return false
	}
	switch strings.ToLower(name) {
	case "message_time", "submitted_at", "created_at", "timestamp",
		"otp_code", "captcha_token",
		"ip", "user-agent", "user_agent",
		"fbc", "fbp", "fbq", "_fbc", "_fbp", "gcl_au", "ga_client_id", "ladi_client_id",
		"submission_id", "event_id", "message_id":
		return true
	}
	return false
}

// formOf returns the form and its page, for the limit. It is not an identity: a
// page may hold several forms with one ID, and all it costs is a shared limit.
func formOf(p form.Parsed, meta map[string]string) (id, page string) {
	page = value(p, "link")
	if page == "" {
		page = value(p, "url_page")
	}
	if page == "" {
		page = meta[request.Referer]
	}
	if i := strings.IndexAny(page, "?#"); i >= 0 {
		page = page[:i]
	}
	return value(p, "ladi_form_id"), strings.TrimRight(page, "/")
}

// value returns the first filled value of the field called name in any case.
func value(p form.Parsed, name string) string {
	for i := range p.Fields {
		if f := &p.Fields[i]; len(f.Name) == len(name) && strings.EqualFold(f.Name, name) {
			for _, v := range f.Values {
				if v = strings.TrimSpace(v); v != "" {
					return v
				}
			}
		}
	}
	return ""
}
