package webhook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"mekong/config"
	"mekong/sources/request"
)

// proof says what is wrong with a request's proof of where it is from, as a refusal;
// nil: nothing.
type proof func(in *incoming, now time.Time) error

// The refusals.
var (
	errSignature = request.Unauthorized("The signature is missing or does not fit the body: enter the same secret at the sender and here.")
	errLate      = request.Unauthorized("The request was signed too long ago, or for a time to come: send it anew, and compare the clocks.")
	errToken     = request.Unauthorized("The token is missing or another one: set it at the sender as the source has it.")
	errLogin     = request.Unauthorized("The user name or password is missing or another one.")
)

// newProofs are all that must hold.
func newProofs(c config.WebhookSource) ([]proof, error) {
	var list []proof
	v := c.Verify
	h := signatureOf(c)
	if !h.Secret.IsZero() {
		if c.Preset == "zalo" {
			list = append(list, zaloMAC(h.Secret.Reveal()))
		} else {
			p, err := signed(h)
			if err != nil {
				return nil, err
			}
			list = append(list, p)
		}
	}
	if !v.Standard.IsZero() {
		key, err := config.DecodeStandardSecret(v.Standard)
		if err != nil {
			return nil, err
		}
		list = append(list, standard(key))
	}
	switch {
	case v.Token.Value.IsZero():
	case c.Preset == "getfly":
		list = append(list, getflyKey(v.Token.Value.Reveal()))
	default:
		list = append(list, token(v.Token))
	}
	if !v.Basic.Password.IsZero() {
		list = append(list, basic(v.Basic))
	}
	return list, nil
}

// signatureOf is how the signature is made: as configured, or as the preset has it.
func signatureOf(c config.WebhookSource) config.WebhookSignature {
	h := c.Verify.HMAC
	switch c.Preset {
	case "facebook":
		h.Header, h.Algorithm, h.Encoding, h.Prefix, h.Timestamp, h.Signed = "X-Hub-Signature-256", "sha256", "hex", "sha256=", "", ""
	case "haravan":
		h.Header, h.Algorithm, h.Encoding, h.Prefix, h.Timestamp, h.Signed = "X-Haravan-Hmacsha256", "sha256", "base64", "", "", ""
	case "pancake":
		// That there is such a header is hearsay, and how it is written unknown.
		h.Header, h.Algorithm, h.Encoding, h.Prefix, h.Timestamp, h.Signed = "X-Pancake-Signature", "sha256", "any", "", "", ""
	}
	return h
}

// algorithms are the hashes of signatures. It is never written to.
var algorithms = map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}

// signed is an HMAC over the body, or over the body and a time (`sources.md` §2).
func signed(c config.WebhookSignature) (proof, error) {
	s, err := newSigning(c)
	if err != nil {
		return nil, err
	}
	return func(in *incoming, now time.Time) error {
		text, ok := strings.CutPrefix(strings.TrimSpace(in.req.Header.Get(c.Header)), c.Prefix)
		if !ok {
			return errSignature
		}
		stamp := ""
		if c.Timestamp != "" {
			stamp = strings.TrimSpace(in.req.Header.Get(c.Timestamp))
		}
		if !same(text, c.Encoding, s.sum(in.body, stamp)) {
			return errSignature
		}
		if c.Timestamp != "" && late(stamp, now, c.Window) {
			return errLate
		}
		return nil
	}, nil
}

// same reports whether text writes sum.
func same(text, encoding string, sum []byte) bool {
	ok := 0
	if encoding == "hex" || encoding == "any" {
		got, err := hex.DecodeString(strings.TrimPrefix(text, "sha256="))
		if err == nil {
			ok |= subtle.ConstantTimeCompare(got, sum)
		}
	}
	if encoding == "base64" || encoding == "any" {
		got, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
		if err == nil {
			ok |= subtle.ConstantTimeCompare(got, sum)
		}
	}
	return ok == 1
}

// late reports whether a time in any unit since 1970 is further than window from
// now, or no time.
func late(text string, now time.Time, window time.Duration) bool {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return true
	}
	at := time.Unix(n, 0)
	switch {
	case n >= 1e17:
		at = time.Unix(0, n)
	case n >= 1e14:
		at = time.UnixMicro(n)
	case n >= 1e11:
		at = time.UnixMilli(n)
	}
	return at.Before(now.Add(-window)) || at.After(now.Add(window))
}

// standardWindow is the tolerance that Standard Webhooks has.
const standardWindow = 5 * time.Minute

// standard is Standard Webhooks: webhook-signature holds any number of signatures,
// with spaces between, each v1, and base64 of an HMAC over id.timestamp.body.
func standard(key []byte) proof {
	return func(in *incoming, now time.Time) error {
		h := in.req.Header
		id, stamp := h.Get("Webhook-Id"), h.Get("Webhook-Timestamp")
		mac := hmac.New(sha256.New, key)
		_, _ = mac.Write([]byte(id + "." + stamp + ".")) // a hash takes every write
		_, _ = mac.Write(in.body)
		sum := mac.Sum(nil)
		right := false
		for text := range strings.FieldsSeq(h.Get("Webhook-Signature")) {
			if text, ok := strings.CutPrefix(text, "v1,"); ok {
				right = same(text, "base64", sum) || right
			}
		}
		switch {
		case !right || id == "":
			return errSignature
		case late(stamp, now, standardWindow):
			return errLate
		}
		return nil
	}
}

// zaloWindow is for how long Zalo sends again what was not answered, and an hour.
const zaloWindow = 13 * time.Hour

// zaloMAC is a plain hash over app_id, body, timestamp and the account's secret.
// Whether the timestamp is the body's or a header's differs, so either will do
// (`sources.md` §2).
func zaloMAC(secret string) proof {
	return func(in *incoming, now time.Time) error {
		if !gjson.ValidBytes(in.body) {
			return errSignature
		}
		app := gjson.GetBytes(in.body, "app_id").String()
		text, _ := strings.CutPrefix(strings.TrimSpace(in.req.Header.Get("X-ZEvent-Signature")), "mac=")
		got, err := hex.DecodeString(text)
		if err != nil || len(got) != sha256.Size {
			return errSignature
		}
		right := ""
		for _, stamp := range []string{gjson.GetBytes(in.body, "timestamp").String(), in.req.Header.Get("X-ZEvent-Timestamp")} {
			if stamp == "" {
				continue
			}
			b := append(append([]byte(app), in.body...), stamp...)
			sum := sha256.Sum256(append(b, secret...))
			if subtle.ConstantTimeCompare(got, sum[:]) == 1 {
				right = stamp
			}
		}
		switch {
		case right == "":
			return errSignature
		case late(right, now, zaloWindow):
			return errLate
		}
		return nil
	}
}

// tokenHeaders are where senders put a token that may be called anything.
var tokenHeaders = []string{"Token", "X-Api-Key", "Authorization", "X-Webhook-Token"}

// token is a fixed text: in the configured header, or else in a usual one or behind
// the path; and in the query where that is configured.
func token(c config.WebhookToken) proof {
	is := equal(c.Value.Reveal())
	names := tokenHeaders
	if c.Header != "" {
		names = []string{c.Header}
	}
	return func(in *incoming, _ time.Time) error {
		ok := false
		for _, name := range names {
			for _, v := range in.req.Header.Values(name) {
				const bearer = "Bearer "
				if len(v) > len(bearer) && strings.EqualFold(v[:len(bearer)], bearer) {
					v = v[len(bearer):]
				}
				ok = is(strings.TrimSpace(v)) || ok
			}
		}
		if rest, found := strings.CutPrefix(in.req.URL.Path, strings.TrimSuffix(in.path, "/")+"/"); found && c.Header == "" {
			ok = is(strings.TrimSuffix(rest, "/")) || ok
		}
		if c.Query != "" {
			ok = is(in.req.URL.Query().Get(c.Query)) || ok
		}
		if !ok {
			return errToken
		}
		return nil
	}
}

// equal compares in a time that says nothing but how long a text is.
func equal(want string) func(string) bool {
	sum := sha256.Sum256([]byte(want))
	return func(got string) bool {
		other := sha256.Sum256([]byte(got))
		return subtle.ConstantTimeCompare(sum[:], other[:]) == 1
	}
}

func basic(c config.WebhookBasic) proof {
	user, password := equal(c.User), equal(c.Password.Reveal())
	return func(in *incoming, _ time.Time) error {
		u, p, ok := in.req.BasicAuth()
		rightUser, rightPassword := user(u), password(p)
		if !ok || !rightUser || !rightPassword {
			return errLogin
		}
		return nil
	}
}

// getflyKey is the secret_key that Getfly sends among the fields.
func getflyKey(want string) proof {
	is := equal(want)
	return func(in *incoming, _ time.Time) error {
		if !is(in.field(secretKey)) {
			return errToken
		}
		return nil
	}
}

const secretKey = "secret_key"

// withoutSecret empties Getfly's key in the body, so that it is not stored with each
// delivery. Only where it stands as it usually does: a body that is repaired first
// would not be what was sent.
func withoutSecret(preset string, body []byte) []byte {
	if preset != "getfly" || !bytes.Contains(body, []byte(secretKey)) {
		return body
	}
	if gjson.ValidBytes(body) {
		v := gjson.GetBytes(body, secretKey)
		if v.Index <= 0 || v.Index+len(v.Raw) > len(body) {
			return body
		}
		return bytes.Join([][]byte{body[:v.Index], []byte(`""`), body[v.Index+len(v.Raw):]}, nil)
	}
	pairs := bytes.Split(body, []byte("&"))
	for i, p := range pairs {
		if bytes.HasPrefix(p, []byte(secretKey+"=")) {
			pairs[i] = p[: len(secretKey)+1 : len(secretKey)+1]
		}
	}
	return bytes.Join(pairs, []byte("&"))
}
