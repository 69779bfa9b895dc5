package sheets

import (
	"fmt"

	"mekong/config"
	"mekong/pipeline"
)

// diagnose says in an operator's words what a failed call means (`sinks.md` §A3), with
// the setting to look at and what to do.
func (s *Sink) diagnose(err error) pipeline.Finding {
	f := pipeline.Finding{Level: pipeline.Fail, Setting: s.setting("spreadsheet")}
	e := As(err)
	if e == nil {
		f.What, f.Fix = err.Error(), "see what it says; it is tried again by itself"
		return f
	}
	f.What = words[e.Class]
	link := address("", s.links[0].ID)
	switch e.Class {
	case NoToken:
		return s.tokenFinding(e.cause)
	case Throttled:
		f.Level, f.Setting = pipeline.Warn, s.setting("writes_per_minute")
		f.Fix = "nothing: it goes on in the next minute; if it lasts, see what else uses the account, or ask Google for a higher quota: https://console.cloud.google.com/apis/api/sheets.googleapis.com/quotas"
	case Down:
		f.What = e.Error()
		f.Fix = "nothing: it is tried again by itself; if it lasts, see https://www.google.com/appsstatus and the way from this machine to Google"
		f.Setting = s.setting("endpoint")
	case Refused:
		f.Setting = s.setting(s.credentials())
		f.Fix = "make a new key of the account, or sign in again with mekong login google " + s.name + "; see that the clock is right"
	case Denied:
		if s.email() != "" {
			f.What = "the spreadsheet is not shared with " + s.email()
			f.Fix = "open it, click Share, and add " + s.email() + " as an editor: " + link
		} else {
			f.Fix = "open it, click Share, and add the account that writes (client_email in its key file) as an editor: " + link
		}
	case Disabled:
		f.Setting = s.setting(s.credentials())
		f.Fix = "enable it, and wait some minutes: " + e.Link
		if e.Link == "" {
			f.Fix = "enable it in the project of the account, and wait some minutes: https://console.cloud.google.com/apis/library/sheets.googleapis.com"
		}
	case Scope:
		f.Setting = s.setting(s.credentials())
		f.Fix = "take a key of a service account, or sign in again with mekong login google " + s.name + " and agree to spreadsheets; the scope is https://www.googleapis.com/auth/spreadsheets"
	case Missing:
		f.What = "there is no such spreadsheet, or the account may not know of it"
		f.Fix = "open the spreadsheet in the browser and copy its link from the address bar"
		if s.email() != "" {
			f.Fix += "; and share it with " + s.email()
		}
	case NoTab:
		if s.conf.Tab != "" {
			f.Setting = s.setting("tab")
		}
		f.Fix = "click the tab and copy the link again, or write the tab's name: " + link
	case Office:
		f.Fix = "open it, choose File, Save as Google Sheets, put the new spreadsheet's link here and share it again: " + link
	case Protected:
		f.Fix = "open Data, Protect sheets and ranges, and allow the account to edit it, or take the protection away: " + link
		if s.email() != "" {
			f.Fix = "open Data, Protect sheets and ranges, and allow " + s.email() + " to edit it, or take the protection away: " + link
		}
	case Full:
		f.Setting = s.setting("new_spreadsheets")
		f.Fix = "add the link of an empty spreadsheet, shared with the account, to new_spreadsheets; or delete rows and empty tabs of this one"
	case Wide:
		f.Setting = s.setting("columns")
		f.Fix = "delete columns that nobody needs, or name the wanted ones under columns"
	default:
		f.What = e.Error()
		f.Fix = "it is tried again by itself; if it stays, report it with this text"
	}
	return f
}

// credentials is the setting that says who writes.
func (s *Sink) credentials() string {
	switch {
	case s.conf.Identity == "user":
		return "identity"
	case !s.conf.CredentialsJSON.IsZero():
		return "credentials_json"
	}
	return "credentials"
}

// tokenFinding is about a token that cannot be had.
func (s *Sink) tokenFinding(err error) pipeline.Finding {
	if s.opts.Explain != nil {
		f := s.opts.Explain(err)
		if f.Setting == "" {
			f.Setting = s.setting(s.credentials())
		}
		return f
	}
	return pipeline.Finding{Level: pipeline.Fail, Setting: s.setting(s.credentials()), What: fmt.Sprintf("there is no access token: %v", err),
		Fix: "see that the credentials are whole, and that this machine's clock is right"}
}

// block is the path of the sink's whole block.
func (s *Sink) block() string { return config.Path("sinks", s.name, "sheets") }
