package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"

	"mekong/pipeline"
)

// post sends body once and judges the answer. ruled says whether the rules of success
// for records hold for it. The error carries a verdict, or is ctx's own.
func (s *Sink) post(ctx context.Context, to *url.URL, id string, body []byte, ruled bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, s.conf.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(limit, http.MethodPost, to.String(), bytes.NewReader(body))
	if err != nil {
		return errors.New("webhook: the request cannot be made")
	}
	req.Header = s.header.Clone()
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "mekong")
	if id != "" {
		req.Header.Set(s.id, headerSafe(id))
	}
	if sign := s.sign(body); sign != "" {
		req.Header.Set(s.conf.HMAC.Header, sign)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return s.lost(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	// The status has said it all, unless a rule looks into the answer.
	if err != nil && s.ruled && ruled {
		return s.lost(ctx, err)
	}
	return s.judge(resp.StatusCode, resp.Header, answer, ruled)
}

// lost is the verdict when there is no answer.
func (s *Sink) lost(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return pipeline.Hold(errors.New("webhook: "+s.host()+": "+silent(err)), 0)
}

// sign is the signature over body, "" for none.
func (s *Sink) sign(body []byte) string {
	c := s.conf.HMAC
	if c.Secret.IsZero() {
		return ""
	}
	h := hmac.New(sha256.New, []byte(c.Secret.Reveal()))
	_, _ = h.Write(body) // a hash takes every write
	if sum := h.Sum(nil); c.Encoding == "base64" {
		return c.Prefix + base64.StdEncoding.EncodeToString(sum)
	} else {
		return c.Prefix + hex.EncodeToString(sum)
	}
}

// headerSafe is id as a header can hold it: an ID may come from a sender.
func headerSafe(id string) string {
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			sum := sha256.Sum256([]byte(id))
			return hex.EncodeToString(sum[:16])
		}
	}
	return id
}

// host is what of the address may be shown.
func (s *Sink) host() string { return s.url.Hostname() }
