package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"mekong/sinks/appsscript/scriptsim"
	"mekong/sinks/lark/larksim"
	"mekong/sinks/sheets/sheetsim"
)

type simOptions struct {
	lark, google, script string // addresses
	botURL               string // where the bot's events go
	dir                  string // of the key and the configuration; "": one that is removed at the end
}

func (c *cli) simCommand() *cobra.Command {
	var o simOptions
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Run the simulators alone: Lark with a Base and a chat, Google Sheets, Apps Script",
		Long: `Sim runs on this machine a simulated Lark, with an app, a Base with a table of leads
as Vietnamese teams have it, and a chat with a bot; a simulated Google with a
spreadsheet, a service account and Google's quotas; and a simulated Apps Script. They
keep everything in memory until they are stopped, and the pages they name show the
rows as they come in.

A configuration that uses all of them is written into a folder, with the service
account's key, and its parts are printed. What is written in the chat is delivered to
the source "bot" of that configuration, and a small chatbot beside the simulators
answers.`,
		Example: `  mekong sim
  mekong sim --dir ./try            # then: mekong run -c ./try/mekong.yaml
  mekong sim --addr 127.0.0.1:0 --google 127.0.0.1:0 --script 127.0.0.1:0     # any ports that are free`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.sim(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.lark, "addr", "127.0.0.1:8090", "`address` of the simulated Lark")
	f.StringVar(&o.google, "google", "127.0.0.1:8091", "`address` of the simulated Google")
	f.StringVar(&o.script, "script", "127.0.0.1:8092", "`address` of the simulated Apps Script")
	f.StringVar(&o.botURL, "bot-url", "http://127.0.0.1:8080/in/bot", "`address` that the bot's events are delivered to")
	f.StringVar(&o.dir, "dir", "", "`folder` for the account's key and a configuration; left out, one that is removed at the end")
	_ = cmd.MarkFlagDirname("dir")
	return cmd
}

// simulators are what a sim serves.
type simulators struct {
	lark, google, script string // their addresses
	table                string // of the Base
	dir                  string
	key                  string // path of the account's key
}

// The script's property MEKONG_SECRET, and what its deployment is called.
const (
	simScriptSecret = "simulated-script-secret"
	simScriptPath   = "/macros/s/simulated/exec"
)

func (c *cli) sim(ctx context.Context, o simOptions) (err error) {
	if u, err := url.Parse(o.botURL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return usagef("--bot-url %q is no address: http://127.0.0.1:8080/in/bot, for example", o.botURL)
	}
	var s simulators
	var listeners []net.Listener
	defer func() {
		for _, l := range listeners {
			_ = l.Close() // the servers have closed most
		}
	}()
	for _, a := range []struct {
		addr, flag string
		base       *string
	}{{o.lark, "addr", &s.lark}, {o.google, "google", &s.google}, {o.script, "script", &s.script}} {
		l, err := listen(a.addr, a.flag)
		if err != nil {
			return err
		}
		listeners = append(listeners, l)
		*a.base = "http://" + reachable(l.Addr().String())
	}
	remove, err := s.folder(o.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	handlers := []http.Handler{s.openLark(o.botURL), nil, scriptsim.New(scriptsim.NewModel(scriptsim.ModelOptions{
		Secret: simScriptSecret, Title: "Bán hàng", Zone: time.FixedZone("Asia/Ho_Chi_Minh", 7*60*60),
	}))}
	if handlers[1], err = s.openGoogle(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.dir, "mekong.yaml"), []byte(s.configuration()), 0o600); err != nil {
		return err
	}
	s.print(c.out)
	return serveAll(ctx, listeners, handlers)
}

// folder is where the key goes, and how to leave it.
func (s *simulators) folder(dir string) (remove func() error, err error) {
	remove = func() error { return nil }
	if dir == "" {
		if dir, err = os.MkdirTemp("", "mekong-sim-"); err != nil {
			return nil, fmt.Errorf("no temporary folder can be made: %w; name one with --dir", err)
		}
		remove = func() error { return os.RemoveAll(dir) }
	} else if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if s.dir, err = filepath.Abs(dir); err != nil {
		return nil, errors.Join(err, remove())
	}
	s.key = filepath.Join(s.dir, "google-key.json")
	return remove, nil
}

// openLark is a Lark whose chat goes to botURL, with the demo's chatbot beside it.
func (s *simulators) openLark(botURL string) http.Handler {
	var sim *larksim.Sim
	sim, s.table = simulatedLark()
	breakable(sim, s.table)
	sim.OpenChat(larksim.ChatPage{User: simUser, Bot: "Trợ lý Mekong", Events: larksim.Subscription{
		URL: botURL, App: simAppID, Token: simVerify, Key: simEncrypt, Client: &http.Client{Transport: &http.Transport{}},
	}})
	mux := http.NewServeMux()
	mux.HandleFunc("POST /chatbot", answerBot)
	mux.Handle("/", sim)
	return mux
}

// openGoogle is a Google with a spreadsheet, whose account's key is written to a file.
func (s *simulators) openGoogle() (http.Handler, error) {
	sim := sheetsim.New(sheetsim.Options{})
	key := sim.AddAccount(simAccount)(s.google)
	sim.AddSpreadsheet(simSheet, "Bán hàng", sheetsim.SheetOptions{}, sheetsim.Tab{Title: "Khách hàng tiềm năng",
		Values: [][]any{{"Ngày nhận", "Họ và tên", "Số điện thoại", "Email", "Khóa học", "UTM Source", "Ghi chú"}}})
	sim.FreezeRows(simSheet, 0, 1)
	sim.Share(simSheet, simAccount, sheetsim.Writer)
	return sim, os.WriteFile(s.key, key, 0o600)
}

// serveAll serves until ctx ends or one of them fails.
func serveAll(ctx context.Context, listeners []net.Listener, handlers []http.Handler) error {
	g, ctx := errgroup.WithContext(ctx)
	for i, l := range listeners {
		srv := simulatorServer(handlers[i])
		g.Go(func() error {
			if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("a simulator stopped: %w", err)
			}
			return nil
		})
		g.Go(func() error {
			<-ctx.Done()
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			if srv.Shutdown(end) != nil {
				_ = srv.Close()
			}
			return nil
		})
	}
	return g.Wait()
}
