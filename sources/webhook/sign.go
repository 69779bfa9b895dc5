package webhook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"mekong/config"
)

// Sign proves a body as the sender that c describes would, for trying a source out: it
// sets headers in h and returns the body to send, which differs only for getfly, whose
// key stands in it. id names the delivery where the scheme wants a name.
func Sign(c config.WebhookSource, h http.Header, body []byte, id string, now time.Time) ([]byte, error) {
	v := c.Verify
	if !v.HMAC.Secret.IsZero() {
		if c.Preset == "zalo" {
			signZalo(h, body, v.HMAC.Secret.Reveal(), now)
		} else if err := signHMAC(signatureOf(c), h, body, now); err != nil {
			return nil, err
		}
	}
	if !v.Standard.IsZero() {
		key, err := config.DecodeStandardSecret(v.Standard)
		if err != nil {
			return nil, err
		}
		stamp := strconv.FormatInt(now.Unix(), 10)
		mac := hmac.New(sha256.New, key)
		_, _ = mac.Write(append([]byte(id+"."+stamp+"."), body...)) // a hash takes every write
		h.Set("Webhook-Id", id)
		h.Set("Webhook-Timestamp", stamp)
		h.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	switch {
	case v.Token.Value.IsZero():
	case c.Preset == "getfly":
		body = withSecret(body, v.Token.Value.Reveal())
	case v.Token.Header != "":
		h.Set(v.Token.Header, v.Token.Value.Reveal())
	default:
		h.Set(tokenHeaders[0], v.Token.Value.Reveal())
	}
	if !v.Basic.Password.IsZero() {
		login := base64.StdEncoding.EncodeToString([]byte(v.Basic.User + ":" + v.Basic.Password.Reveal()))
		h.Set("Authorization", "Basic "+login)
	}
	return body, nil
}

func signHMAC(c config.WebhookSignature, h http.Header, body []byte, now time.Time) error {
	s, err := newSigning(c)
	if err != nil {
		return err
	}
	stamp := ""
	if c.Timestamp != "" {
		stamp = strconv.FormatInt(now.Unix(), 10)
		h.Set(c.Timestamp, stamp)
	}
	sum := s.sum(body, stamp)
	text := hex.EncodeToString(sum)
	if c.Encoding == "base64" {
		text = base64.StdEncoding.EncodeToString(sum)
	}
	h.Set(c.Header, c.Prefix+text)
	return nil
}

func signZalo(h http.Header, body []byte, secret string, now time.Time) {
	stamp := gjson.GetBytes(body, "timestamp").String()
	if stamp == "" {
		stamp = strconv.FormatInt(now.UnixMilli(), 10)
		h.Set("X-ZEvent-Timestamp", stamp)
	}
	b := append(append([]byte(gjson.GetBytes(body, "app_id").String()), body...), stamp...)
	sum := sha256.Sum256(append(b, secret...))
	h.Set("X-ZEvent-Signature", "mac="+hex.EncodeToString(sum[:]))
}

// withSecret puts Getfly's key into a body, where it is empty or not there.
func withSecret(body []byte, secret string) []byte {
	if trimmed := bytes.TrimSpace(body); gjson.ValidBytes(trimmed) && len(trimmed) > 0 && trimmed[0] == '{' {
		text, err := json.Marshal(secret)
		v := gjson.GetBytes(trimmed, secretKey)
		switch {
		case err != nil:
			return body
		case v.Index > 0:
			return bytes.Join([][]byte{trimmed[:v.Index], text, trimmed[v.Index+len(v.Raw):]}, nil)
		}
		comma := ","
		if bytes.HasPrefix(bytes.TrimSpace(trimmed[1:]), []byte("}")) {
			comma = ""
		}
		return []byte(`{"` + secretKey + `":` + string(text) + comma + string(trimmed[1:]))
	}
	var kept []string
	for pair := range strings.SplitSeq(string(body), "&") {
		if name, _, _ := strings.Cut(pair, "="); name != secretKey && pair != "" {
			kept = append(kept, pair)
		}
	}
	return []byte(strings.Join(append(kept, secretKey+"="+url.QueryEscape(secret)), "&"))
}

// signing is how an HMAC over a body is made.
type signing struct {
	config.WebhookSignature
	before, after string // what is signed around the body
}

func newSigning(c config.WebhookSignature) (*signing, error) {
	if algorithms[c.Algorithm] == nil {
		return nil, errors.New("there is no such hash for a signature")
	}
	shape := c.Signed
	if shape == "" {
		if shape = "{body}"; c.Timestamp != "" {
			shape = "{timestamp}.{body}"
		}
	}
	s := &signing{WebhookSignature: c}
	ok := false
	if s.before, s.after, ok = strings.Cut(shape, "{body}"); !ok {
		return nil, errors.New("the signature is not over the body")
	}
	return s, nil
}

func (s *signing) sum(body []byte, stamp string) []byte {
	mac := hmac.New(algorithms[s.Algorithm], []byte(s.Secret.Reveal()))
	_, _ = mac.Write([]byte(strings.ReplaceAll(s.before, "{timestamp}", stamp))) // a hash takes every write
	_, _ = mac.Write(body)
	_, _ = mac.Write([]byte(strings.ReplaceAll(s.after, "{timestamp}", stamp)))
	return mac.Sum(nil)
}
