package larkchat

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"mekong/config"
	"mekong/pipeline"
)

// hook is a custom bot of a group (`lark.md` §8.1).
type hook struct {
	setting string
	url     *url.URL
	secret  config.Secret
	timeout time.Duration
	client  *http.Client
	tls     *tls.Config
	now     func() time.Time
	pace    pace
}

func newHook(setting string, c config.LarkChat, o Options) (*hook, error) {
	u, err := url.Parse(c.Hook.Reveal())
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return nil, errors.New("larkchat.hook: not the address of a custom bot; copy it from the bot's page in the group's settings")
	}
	h := &hook{setting: setting, url: u, secret: c.Secret, timeout: c.Timeout, tls: o.TLS, now: o.Now}
	h.pace.rules = []rule{{5, time.Second}, {100, time.Minute}}
	tr := http.DefaultTransport.(*http.Transport).Clone()
	tr.TLSClientConfig = o.TLS.Clone()
	h.client = &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return h, nil
}

func (h *hook) close() { h.client.CloseIdleConnections() }

// sign is the signature: the key is time and secret, and the message is empty.
func sign(stamp, secret string) string {
	mac := hmac.New(sha256.New, []byte(stamp+"\n"+secret))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// post sends m once. A custom bot knows no repetition, so once is of no use to it.
func (h *hook) post(ctx context.Context, m message, _ string) (string, error) {
	now := h.now()
	if wait := h.pace.take(now); wait > 0 {
		return "", pipeline.Hold(errors.New("larkchat: the bot's 5 messages a second and 100 a minute are used up"), wait)
	}
	body := map[string]any{"msg_type": m.kind}
	if m.kind == "interactive" {
		body["card"] = m.content
	} else {
		body["content"] = m.content
	}
	if !h.secret.IsZero() {
		stamp := strconv.FormatInt(now.Unix(), 10)
		body["timestamp"], body["sign"] = stamp, sign(stamp, h.secret.Reveal())
	}
	limit, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(limit, http.MethodPost, h.url.String(), bytes.NewReader(encode(body)))
	if err != nil {
		return "", errors.New("larkchat: the request cannot be made")
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "mekong")
	resp, err := h.client.Do(req)
	var answer []byte
	if err == nil {
		defer func() { _ = resp.Body.Close() }() // it was only read
		answer, err = io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "", pipeline.Hold(errors.New("larkchat: custom bot: "+silent(err)), 0)
	}
	return "", judge(resp.StatusCode, answer)
}

// botCode is what a code of a custom bot means. The zero value of hold and permanent
// is an error of unknown cause.
type botCode struct {
	words, fix      string
	hold, permanent bool
	wait            time.Duration
}

// botCodes are those of `lark.md` §8.1.
var botCodes = map[int]botCode{
	9499:  {words: "it disliked the request"},
	11232: {words: "too many messages", hold: true, wait: time.Second},
	19001: {words: "there is no such bot", fix: "copy hook again from the bot's page in the group's settings, or add the bot anew", hold: true},
	19002: {words: "it disliked a parameter"},
	19021: {words: "it refused the signature", fix: "set secret to the one on the bot's page, and see that this machine's clock is right to the minute", hold: true},
	19022: {words: "this machine's address is not on its list", fix: "add the address on the bot's page, or switch the list off", hold: true},
	19024: {words: "the notice has none of its keywords", fix: "write a keyword of the bot into title, or take the keywords away on the bot's page", hold: true},
	19036: {words: "the notice is too long", permanent: true},
}

// judge gives an answer its verdict, by the code in it where there is one.
func judge(status int, answer []byte) error {
	var env struct {
		Code *int `json:"code"`
		Old  *int `json:"StatusCode"`
	}
	readable := json.Unmarshal(answer, &env) == nil
	if env.Code == nil {
		env.Code = env.Old
	}
	switch {
	case readable && env.Code != nil && *env.Code == 0 && status < 300:
		return nil
	case readable && env.Code != nil && *env.Code != 0:
		c, known := botCodes[*env.Code]
		if !known {
			c = botCode{words: "a code that is not known here", hold: status == http.StatusTooManyRequests || status >= 500}
		}
		words := fmt.Sprintf("larkchat: custom bot: %s (code %d)", c.words, *env.Code)
		if c.fix != "" {
			words += ": " + c.fix
		}
		switch err := errors.New(words); {
		case c.hold:
			return pipeline.Hold(err, c.wait)
		case c.permanent:
			return pipeline.Permanent(err)
		default:
			return err
		}
	case status == http.StatusTooManyRequests || status >= 500:
		return pipeline.Hold(fmt.Errorf("larkchat: custom bot: it failed (HTTP %d)", status), 0)
	case status >= 300:
		return pipeline.Hold(fmt.Errorf("larkchat: custom bot: HTTP %d: see that hook is the bot's address", status), 0)
	}
	return errors.New("larkchat: custom bot: the answer is not Lark's")
}

// check resolves the host and connects, with TLS. Every request would be a message.
func (h *hook) check(ctx context.Context) []pipeline.Finding {
	host, port := h.url.Hostname(), h.url.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[h.url.Scheme]
	}
	ctx, cancel := context.WithTimeout(ctx, min(h.timeout, 10*time.Second))
	defer cancel()
	var dialler interface {
		DialContext(ctx context.Context, network, address string) (net.Conn, error)
	} = &net.Dialer{}
	if h.url.Scheme == "https" {
		dialler = &tls.Dialer{Config: h.tls}
	}
	conn, err := dialler.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return []pipeline.Finding{{
			Level: pipeline.Fail, Setting: h.setting + ".hook", What: "cannot connect to " + host + ": " + silent(err),
			Fix: "see that the address is right, and that no firewall is between",
		}}
	}
	_ = conn.Close() // nothing was sent
	return []pipeline.Finding{{
		Level: pipeline.OK, Setting: h.setting + ".hook",
		What: "connected to " + host + "; whether the bot takes notices is seen with the first one",
	}}
}

// silent is an error of the network in words that quote no address.
func silent(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	var timeout net.Error
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &dns):
		return "the name cannot be resolved"
	case errors.As(err, &cert):
		return "the certificate is not accepted"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.As(err, &op) && op.Op == "dial":
		return "no connection"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed without a whole answer"
	}
	return "the connection failed"
}
