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

// source sees whether a source's door is open, and answers a browser.
func (e *examination) source(ctx context.Context, name string) []pipeline.Finding {
	s := e.c.Sources[name]
	if s.LadiPage == nil {
		return []pipeline.Finding{{Setting: config.Path("sources", name), What: "it is in order as far as its configuration tells"}}
	}
	base := "http://" + dialable(e.c.HTTP.Intake)
	setting := config.Path("sources", name, "ladipage", "path")
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
	origin := "https://landing.example"
	if len(s.LadiPage.Origins) > 0 {
		origin = strings.Replace(s.LadiPage.Origins[0], "*", "landing", 1)
	}
	status, header, err := ask(ctx, http.MethodOptions, base+s.LadiPage.Path, origin)
	switch {
	case err != nil:
		return []pipeline.Finding{{Level: pipeline.Fail, Setting: setting, What: "the door does not answer at " + s.LadiPage.Path + ": " + plainly(err), Fix: "see the log of mekong run"}}
	case status == http.StatusNotFound:
		return []pipeline.Finding{{Level: pipeline.Fail, Setting: setting, What: "the mekong that is running knows no " + s.LadiPage.Path + ": it runs with another configuration", Fix: "start it anew with this one"}}
	case status/100 != 2 || header.Get("Access-Control-Allow-Origin") == "":
		return []pipeline.Finding{{Level: pipeline.Fail, Setting: setting, What: fmt.Sprintf("a browser's preflight is answered %d without leave for %s: forms that post from a page fail", status, origin), Fix: "start mekong anew with this configuration, and see what a proxy in between does to OPTIONS"}}
	}
	return []pipeline.Finding{{Setting: setting, What: "the door at " + base + s.LadiPage.Path + " is open, and browsers may post to it"}}
}

// ask makes one request without a body and reads no answer but its head.
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
	// A door is asked directly: a proxy of the environment is for the way out.
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection ends well
	_ = resp.Body.Close()
	return resp.StatusCode, resp.Header, nil
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
