package main

import (
	"fmt"
	"io"
	"strings"
)

func (s *simulators) base() string    { return s.lark + "/base/" + simBase + "?table=" + s.table }
func (s *simulators) sheet() string   { return s.google + "/spreadsheets/d/" + simSheet + "/edit#gid=0" }
func (s *simulators) command() string { return s.script + simScriptPath }

// The parts of a configuration, each below "sinks:" or "sources:".

func (s *simulators) baseSink() string {
	return fmt.Sprintf(`  crm:
    accept: [lead]
    larkbase:
      url: %s
      endpoint: %s
      app_id: %s
      app_secret: %s # of no real app
`, s.base(), s.lark, simAppID, simSecret)
}

func (s *simulators) sheetSink() string {
	return fmt.Sprintf(`  sales:
    accept: [lead]
    sheets:
      spreadsheet: %s
      credentials: %q
      endpoint: %s
`, s.sheet(), s.key, s.google)
}

func (s *simulators) scriptSink() string {
	return fmt.Sprintf(`  simple:
    accept: [lead]
    appsscript:
      url: %s
      secret: %s # of no real script
      endpoint: %s
`, s.command(), simScriptSecret, s.script)
}

func (s *simulators) botSource() string {
	return fmt.Sprintf(`  bot:
    larkbot:
      path: /in/bot
      verification_token: %s
      encrypt_key: %s
      endpoint: %s
      app_id: %s
      app_secret: %s # of no real app
      reply:
        url: %[3]s/chatbot # a few rules; put your own chatbot here
        allow_private: true
`, simVerify, simEncrypt, s.lark, simAppID, simSecret)
}

// configuration is a file that uses all of them.
func (s *simulators) configuration() string {
	return fmt.Sprintf("# Written by mekong sim; it works while that runs.\ndata_dir: %q\nsources:\n  landing:\n    ladipage: { path: /in/landing, token: simulated-token-0001 }\n",
		s.dir+"/data") + s.botSource() + "sinks:\n" + s.baseSink() + s.sheetSink() + s.scriptSink()
}

// print says where everything is, and how to use it.
func (s *simulators) print(w io.Writer) {
	below := func(section, part string) string {
		return "    " + strings.ReplaceAll(strings.TrimSpace(section+":\n"+part), "\n", "\n    ")
	}
	fmt.Fprintf(w, `Simulators, until Ctrl-C. Nothing in them is kept.

Lark at %[1]s
  endpoint    %[1]s
  url         %[2]s
  or, a wiki  %[1]s/wiki/%[3]s?table=%[4]s
  app_id      %[5]s
  app_secret  %[6]s

  Look at it  %[1]s/sim
  A sink      LARK_APP_SECRET=%[6]s mekong connect lark '%[2]s' --endpoint %[1]s --app-id %[5]s
  or

%[7]s

A bot in Lark
  Write to it %[1]s/sim/chat

%[8]s

`, s.lark, s.base(), simWiki, s.table, simAppID, simSecret, below("sinks", s.baseSink()), below("sources", s.botSource()))
	fmt.Fprintf(w, `Google Sheets at %[1]s
  endpoint    %[1]s
  spreadsheet %[2]s
  credentials %[3]s
  shared with %[4]s

  Look at it  %[2]s
  A sink      mekong connect sheets '%[2]s' --credentials '%[3]s' --endpoint %[1]s
  or

%[5]s

`, s.google, s.sheet(), s.key, simAccount, below("sinks", s.sheetSink()))
	fmt.Fprintf(w, `Apps Script at %[1]s
  url         %[2]s
  secret      %[3]s

  Look at it  %[1]s/
  A sink      SHEET_SECRET=%[3]s mekong connect appsscript '%[2]s' --endpoint %[1]s
  or

%[4]s

All of them are in %[5]s/mekong.yaml:
  mekong doctor --write -c '%[5]s/mekong.yaml'
  mekong run -c '%[5]s/mekong.yaml'
`, s.script, s.command(), simScriptSecret, below("sinks", s.scriptSink()), s.dir)
}
