package main

import (
	"embed"
	"errors"
	"fmt"
	"net"

	"mekong/config"
)

//go:embed demo
var demoFiles embed.FS

// What the embedded configuration calls them.
const (
	demoSource = "landing"
	demoChat   = "chat"
	demoBot    = "bot"

	demoSink       = "archive"
	demoBase       = "crm"
	demoSheet      = "sheet"
	demoChats      = "archive_chats"
	demoBaseChats  = "crm_chats"
	demoSheetChats = "sheet_chats"
)

// demoConfig is the embedded configuration with what the command line says, and
// with where the simulators and the chatbot, on the page's listener, turned out to be.
func demoConfig(dir string, o demoOptions, base *simulatedBase, sheet *simulatedSheet, page net.Addr) (*config.Config, error) {
	text, err := demoFiles.ReadFile("demo/demo.yaml")
	if err != nil {
		return nil, err
	}
	conf, err := config.Parse("demo.yaml", text, func(string) (string, bool) { return "", false })
	if err != nil {
		return nil, err
	}
	conf.DataDir, conf.HTTP.Intake, conf.HTTP.Console = dir, o.intake, o.console
	for name, table := range map[string]string{demoBase: base.table, demoBaseChats: base.chats} {
		crm := conf.Sinks[name].LarkBase
		crm.Endpoint, crm.URL = base.endpoint(), base.link(table)
	}
	for name, id := range map[string]string{demoSheet: sheet.leads, demoSheetChats: sheet.chats} {
		s := conf.Sinks[name].Sheets
		s.Endpoint, s.Spreadsheet, s.CredentialsJSON = sheet.endpoint(), sheet.link(id), config.NewSecret(sheet.key)
	}
	bot := conf.Sources[demoBot].LarkBot
	bot.Endpoint, bot.Reply.URL = base.endpoint(), config.NewSecret("http://"+reachable(page.String())+"/chatbot")
	return conf, nil
}

// listen opens the demo's own listener.
func listen(addr, flag string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, cannotListen(addr, flag, err)
	}
	return l, nil
}

func cannotListen(addr, flag string, err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err // the rest names the address once more
	}
	return fmt.Errorf("cannot listen on %s (%w): is another program, or another mekong, there? Choose another with --%s, or --%s 127.0.0.1:0 for any that is free",
		addr, err, flag, flag)
}

// explain says which flag helps against a listener that cannot be opened.
func (o demoOptions) explain(err error) error {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "listen" || op.Addr == nil {
		return err
	}
	// Names are looked up before they are told, so ports are compared.
	_, port, _ := net.SplitHostPort(op.Addr.String())
	for _, l := range []struct{ flag, addr string }{{"intake", o.intake}, {"console", o.console}} {
		if _, p, _ := net.SplitHostPort(l.addr); p == port {
			return cannotListen(l.addr, l.flag, err)
		}
	}
	return err
}
