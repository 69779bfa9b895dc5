package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"mekong/config"
)

// readyWait is how long a running mekong may take to say how it is.
const readyWait = 4 * time.Second

// ready asks the mekong that runs with this configuration whether it takes leads in:
// what a container's health check needs, and what it has no other program for.
func (c *cli) ready(ctx context.Context) error {
	conf, err := config.Load(c.config)
	if err != nil {
		return unreadable(err)
	}
	ctx, cancel := context.WithTimeout(ctx, readyWait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+reachable(conf.HTTP.Console)+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return errors.New("nobody answers at http.console; is mekong run up?")
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", tame(strings.TrimSpace(string(text))))
	}
	fmt.Fprintln(c.out, "ready")
	return nil
}
