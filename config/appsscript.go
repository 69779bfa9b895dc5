package config

import (
	"net/url"
	"regexp"
	"time"
)

// AppsScript stores records as rows of a Google sheet through the script that
// Mekong ships, for teams without a Google Cloud project.
type AppsScript struct {
	URL       Secret            `yaml:"url" doc:"address of the deployed script, as Deploy shows it: https://script.google.com/macros/s/…/exec; it is not shown"`
	Secret    Secret            `yaml:"secret" doc:"what the script's property MEKONG_SECRET holds too; 16 characters or more; requests are signed with it"`
	Tab       string            `yaml:"tab" doc:"name of the tab; left out: the one the script chooses, the first"`
	Columns   map[string]string `yaml:"columns" doc:"field of the record by the header of the column it goes to; left out: each field goes to the column of its name, English or Vietnamese, and gets one if it has none"`
	KeyColumn string            `yaml:"key_column" doc:"header of the column that tells which record a row is; made when it is not there"`
	Timeout   time.Duration     `yaml:"timeout" range:"10s..6m" doc:"for one run of the script, with what it waits for others"`
	Endpoint  string            `yaml:"endpoint" doc:"for trying out: where a simulator stands for script.google.com"`
}

func (a *AppsScript) defaults(string) {
	a.KeyColumn = "Mekong ID"
	a.Timeout = 90 * time.Second
	a.Columns = map[string]string{}
}

// scriptPath is that of a deployment, of a Workspace domain too (`sinks.md` B1).
var scriptPath = regexp.MustCompile(`^(?:/macros|/a/macros/[^/]+|/a/[^/]+/macros)/s/[A-Za-z0-9_-]+/(exec|dev)$`)

func (a *AppsScript) check(r *report) {
	const fix = "in the script: Deploy, Manage deployments, copy the URL of the web app, which ends in /exec, into an environment variable"
	at := r.at("url")
	if a.URL.IsZero() {
		if !at.failed() {
			at.bad("not set", fix)
		}
	} else {
		u, err := url.Parse(a.URL.Reveal())
		var m []string
		if err == nil {
			m = scriptPath.FindStringSubmatch(u.Path)
		}
		switch {
		case err != nil || u.Scheme != "https" && a.Endpoint == "" || u.Host == "":
			at.bad("not the address of a web app", fix)
		case u.Hostname() != "script.google.com" && a.Endpoint == "":
			at.bad("not an address of script.google.com", fix)
		case m == nil:
			at.bad("not the address of a deployed script", fix)
		case m[1] == "dev":
			at.bad("this ends in /dev, which needs a person who is signed in", fix)
		}
	}
	switch {
	case a.Secret.IsZero() && !r.at("secret").failed():
		r.at("secret").bad("not set", `"openssl rand -hex 16" makes one; put it into the script's properties as MEKONG_SECRET and here as "${SHEET_SECRET}"`)
	case !a.Secret.IsZero():
		checkSecret(r.at("secret"), a.Secret)
	}
	if a.Endpoint != "" {
		checkEndpoint(r.at("endpoint"), a.Endpoint)
	}
	checkSheetColumns(r, a.KeyColumn, a.Columns)
}
