package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sources/intake"
)

// sourceDoor sees whether the door of a source that is posted to is open, and answers
// whoever asks before they post.
func (e *examination) sourceDoor(ctx context.Context, name string, s config.Source) []pipeline.Finding {
	path := s.Path()
	if path == "" {
		return nil
	}
	base := "http://" + dialable(e.c.HTTP.Intake)
	status, _, err := ask(ctx, http.MethodGet, base+intake.Health, "")
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return []pipeline.Finding{{Level: pipeline.Warn, Setting: "http.intake", What: "nobody listens at " + base + ": no mekong is running here", Fix: "start it: mekong run"}}
	case err != nil:
		return []pipeline.Finding{{Level: pipeline.Fail, Setting: "http.intake", What: "the door at " + base + " does not answer: " + plainly(err), Fix: "see what listens there, and whether a firewall is between"}}
	case status == http.StatusServiceUnavailable:
		return []pipeline.Finding{{Level: pipeline.Fail, Setting: "http.intake", What: "the door at " + base + " is open and takes nothing in at the moment", Fix: "see http://" + dialable(e.c.HTTP.Console) + "/readyz for the reason"}}
	case status != http.StatusOK:
		return []pipeline.Finding{{Level: pipeline.Fail, Setting: "http.intake", What: fmt.Sprintf("what listens at %s answers %d to %s: it is no mekong", base, status, intake.Health), Fix: "stop the other program, or choose another address for http.intake"}}
	}
	switch at := config.Path("sources", name); {
	case s.LadiPage != nil:
		return []pipeline.Finding{preflight(ctx, at+".ladipage.path", base, path, s.LadiPage.Origins)}
	case s.ChatLog != nil:
		return []pipeline.Finding{preflight(ctx, at+".chatlog.path", base, path, s.ChatLog.Origins)}
	case s.LarkBot != nil:
		return []pipeline.Finding{e.challenge(ctx, at+".larkbot.path", base+path, *s.LarkBot)}
	case s.Webhook != nil && !s.Webhook.Verify.Challenge.IsZero():
		return []pipeline.Finding{e.verification(ctx, at+".webhook.path", base+path, *s.Webhook)}
	case s.Webhook != nil:
		return []pipeline.Finding{preflight(ctx, at+".webhook.path", base, path, nil)}
	}
	return nil
}

// preflight asks as a browser does before it posts from a page of one of the origins.
func preflight(ctx context.Context, setting, base, path string, origins []string) pipeline.Finding {
	origin := "https://landing.example"
	if len(origins) > 0 {
		origin = strings.Replace(origins[0], "*", "landing", 1)
	}
	status, header, err := ask(ctx, http.MethodOptions, base+path, origin)
	switch {
	case err != nil:
		return pipeline.Finding{Level: pipeline.Fail, Setting: setting, What: "the door does not answer at " + path + ": " + plainly(err), Fix: "see the log of mekong run"}
	case status == http.StatusNotFound:
		return elsewhereRunning(setting, path)
	case status/100 != 2 || header.Get("Access-Control-Allow-Origin") == "":
		return pipeline.Finding{Level: pipeline.Fail, Setting: setting, What: fmt.Sprintf("a browser's preflight is answered %d without leave for %s: forms that post from a page fail", status, origin), Fix: "start mekong anew with this configuration, and see what a proxy in between does to OPTIONS"}
	}
	return pipeline.Finding{Setting: setting, What: "the door at " + base + path + " is open, and browsers may post to it"}
}

// ask makes one request without a body and gives the answer's head.
func ask(ctx context.Context, method, address, origin string) (int, http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return 0, nil, err
	}
	if origin != "" {
		req.Header.Set("Origin", origin)
		req.Header.Set("Access-Control-Request-Method", http.MethodPost)
		req.Header.Set("Access-Control-Request-Headers", "content-type")
	}
	status, head, _, err := exchange(req)
	return status, head, err
}

// exchange makes a request and reads a little of the answer.
func exchange(req *http.Request) (int, http.Header, []byte, error) {
	// A door is asked directly: a proxy of the environment is for the way out.
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // to its end, so that the connection ends well
	_ = resp.Body.Close()
	return resp.StatusCode, resp.Header, body, nil
}

// plainly is a failed request's reason without its address.
func plainly(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err.Error()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "it takes longer than five seconds"
	}
	return "the answer is not HTTP"
}

// dialable is an address to dial for one to listen on.
func dialable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
