package larkbot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

const (
	askTimeout     = 15 * time.Second
	defaultPing    = 2 * time.Minute
	leastPing      = time.Second
	writeTimeout   = 5 * time.Second
	maxFrame       = 1 << 20
	maxAnswer      = 64 << 10
	maxAddress     = 4096
	endpointAt     = "/callback/ws/endpoint"
	handshakeState = "Handshake-Status"
)

// door is where to connect, as the platform says.
type door struct {
	address string
	service int64
	ping    time.Duration
}

// ask asks where to connect. Its errors hold codes, and never the address, which
// has a ticket in it.
func (s *Socket) ask(ctx context.Context) (door, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	body, err := json.Marshal(map[string]string{"AppID": s.appID, "AppSecret": s.secret.Reveal()})
	if err != nil {
		return door{}, errors.New("the app's credentials cannot be written as JSON")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint+endpointAt, bytes.NewReader(body))
	if err != nil {
		return door{}, errors.New("the endpoint is no address")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "mekong")
	req.Header.Set("locale", "en")
	resp, err := s.opts.HTTP.Do(req)
	if err != nil {
		return door{}, errors.New("where to connect could not be asked: " + plainly(err))
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return door{}, errors.New("where to connect was answered in part only")
	}
	var answer struct {
		Code *int `json:"code"`
		Data struct {
			URL    string `json:"URL"`
			Config struct {
				PingInterval int `json:"PingInterval"`
			} `json:"ClientConfig"`
		} `json:"data"`
	}
	if json.Unmarshal(text, &answer) != nil || answer.Code == nil {
		return door{}, fmt.Errorf("where to connect was answered with HTTP %d and no code", resp.StatusCode)
	}
	if *answer.Code != 0 {
		return door{}, refused(*answer.Code)
	}
	u, err := url.Parse(answer.Data.URL)
	safe := strings.HasPrefix(s.endpoint, "https://")
	if err != nil || u.Host == "" || len(answer.Data.URL) > maxAddress || u.Scheme != "wss" && (safe || u.Scheme != "ws") {
		return door{}, errors.New("the platform names no address to connect to")
	}
	service, _ := strconv.ParseInt(u.Query().Get("service_id"), 10, 32) // 0 will do, as in the SDK
	return door{address: answer.Data.URL, service: service, ping: pingEvery(answer.Data.Config.PingInterval)}, nil
}

func pingEvery(seconds int) time.Duration {
	if seconds <= 0 || seconds > int(defaultPing/time.Second) {
		return defaultPing
	}
	return max(time.Duration(seconds)*time.Second, leastPing)
}

// refused says what a code of the platform means (`lark.md` §6.7).
func refused(code int) error {
	what := "the platform will not connect"
	switch code {
	case 1, 1000040343:
		what = "the platform is busy"
	case 403:
		what = "the app may not connect: in the developer console choose Events & Callbacks, Subscription mode, long connection"
	case 514:
		what = "the app's credentials are refused: compare app_id, app_secret and brand with the developer console"
	case 1000040350:
		what = "the app has 50 connections already, which is the most: stop some processes"
	}
	return fmt.Errorf("%s (code %d)", what, code)
}

// dial connects. A refusal comes in headers of the answer.
func (s *Socket) dial(ctx context.Context, d door) (*websocket.Conn, error) {
	dialer := websocket.Dialer{HandshakeTimeout: askTimeout, Proxy: http.ProxyFromEnvironment}
	if t, ok := s.opts.HTTP.Transport.(*http.Transport); ok {
		dialer.TLSClientConfig = t.TLSClientConfig.Clone()
		dialer.Proxy = t.Proxy
		if dialer.TLSClientConfig != nil {
			dialer.TLSClientConfig.NextProtos = nil // a websocket is HTTP/1.1
		}
	}
	conn, resp, err := dialer.DialContext(ctx, d.address, nil)
	if err == nil {
		return conn, nil
	}
	if resp != nil {
		if code, bad := strconv.Atoi(resp.Header.Get(handshakeState)); bad == nil && code != 0 {
			if inner, bad := strconv.Atoi(resp.Header.Get("Handshake-Autherrcode")); bad == nil && inner != 0 {
				code = inner
			}
			return nil, refused(code)
		}
		return nil, fmt.Errorf("the connection was refused with HTTP %d", resp.StatusCode)
	}
	return nil, errors.New("no connection: " + plainly(err))
}

// plainly is an error of the network without any address.
func plainly(err error) string {
	var timeout net.Error
	var dns *net.DNSError
	var closed *websocket.CloseError
	switch {
	case errors.Is(err, context.Canceled):
		return "given up"
	case errors.As(err, &dns):
		return "the host's name is not known"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "nothing was heard in time"
	case errors.As(err, &closed):
		return fmt.Sprintf("closed by the other side (%d)", closed.Code)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed by the other side"
	}
	return "the network failed"
}
