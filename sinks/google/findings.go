package google

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/auth/credentials"

	"mekong/pipeline"
	"mekong/sinks/token"
)

// Where is what a finding can point an operator to.
type Where struct {
	Setting string // path of the sink's block, such as "sinks.sales.sheets"
	Login   string // the command that signs a person in
}

// Diagnose is err, of any kind that [Classify] knows, as a finding.
func Diagnose(err error, w Where) pipeline.Finding {
	e := Classify(err)
	f := pipeline.Finding{Level: pipeline.Fail, Setting: w.Setting, What: sentence(e), Fix: e.Fix}
	if identifier(e.Setting) != "" { // not one inside a file
		f.Setting += "." + e.Setting
	}
	switch e.Class {
	case Down:
		f.Level = pipeline.Warn
	case Ended:
		if f.Fix == "" || errors.Is(err, token.ErrReauthorise) {
			f.Fix = "sign in again: " + w.login() + "; what is allowed and what was taken back: " + permissionsPage
		}
	}
	return f
}

func (w Where) login() string {
	if w.Login == "" {
		return "mekong login google SINK"
	}
	return w.Login
}

// sentence is an error without the name of the package before it.
func sentence(e *Error) string {
	const prefix = "google: "
	s := e.Error()
	if len(s) > len(prefix) && s[:len(prefix)] == prefix {
		s = s[len(prefix):]
	}
	return s
}

// Findings says how the account stands, and asks for a token to know. It only reads.
// setting is the path of the sink's block.
func (a *Account) Findings(ctx context.Context, setting string) []pipeline.Finding {
	where := Where{Setting: setting}
	from, err := a.read()
	if err != nil {
		return []pipeline.Finding{Diagnose(err, where)}
	}
	t, err := a.Token(ctx)
	if err != nil {
		found := []pipeline.Finding{Diagnose(err, where)}
		return append(found, a.clockFinding(setting)...)
	}
	what := fmt.Sprintf("signs in as %s; the token ends %s and is replaced by itself", a.describe(from), t.Expires.UTC().Format("15:04 UTC"))
	found := []pipeline.Finding{{Level: pipeline.OK, Setting: setting + ".credentials", What: what}}
	return append(found, a.clockFinding(setting)...)
}

// describe is who an account is and where that is from.
func (a *Account) describe(from origin) string {
	email := a.Email()
	switch {
	case from.machine && email == "":
		return "this machine's account"
	case from.machine:
		return email + ", this machine's account"
	case email == "":
		return "a workload identity of project " + from.cred.project
	case from.cred.kind == credentials.ExternalAccount:
		return email + ", by a workload identity"
	}
	return email + ", by its key"
}

// clockFinding warns of a clock that will soon be too far off, if Google's was heard
// of and this one was not complained about already.
func (a *Account) clockFinding(setting string) []pipeline.Finding {
	a.mu.Lock()
	skew, ok := a.skew, a.dated
	a.mu.Unlock()
	return skewFinding(setting, skew, ok)
}

func skewFinding(setting string, skew time.Duration, ok bool) []pipeline.Finding {
	if !ok || skew <= skewLimit && skew >= -skewLimit {
		return nil
	}
	return []pipeline.Finding{{
		Level: pipeline.Warn, Setting: setting, What: "this machine's clock differs from Google's: " + offBy(skew),
		Fix: "set the clock, and let it be kept: timedatectl set-ntp true; with a clock some minutes fast, or an hour slow, no account gets a token",
	}}
}
