package google

import (
	"fmt"
	"time"
)

// party is who asked for a token; the same code means something else to each.
type party int

const (
	anybody  party = iota // not known
	account               // a service account, by its key
	workload              // a workload identity
	person                // a sign-in that is renewed
	login                 // a sign-in that is being made
	device                // likewise, without a browser here
)

// signsIn reports whether p has an OAuth client.
func (p party) signsIn() bool { return p == person || p == login || p == device }

// skewLimit is how far apart clocks may be: Google allows the claims of an assertion
// a few minutes, and whoever is a minute off will soon be more.
const skewLimit = time.Minute

// explain says what an error of a token endpoint means (`sinks.md` A6; the wordings are
// hearsay, so each code has a meaning without them, too).
func explain(p party, a *answer) *Error {
	e := meaning(p, a)
	e.Code, e.HTTP, e.Said = a.code, a.status, plain(a.words)
	if a.dated && (a.skew > skewLimit || a.skew < -skewLimit) {
		e.Skew = a.skew
	}
	if e.Class == Down && e.Wait == 0 {
		e.Wait = 5 * time.Second
	}
	if a.wait > 0 {
		e.Wait = a.wait
	}
	return e
}

func meaning(p party, a *answer) *Error {
	switch {
	case a.status == 429, a.code == "rate_limit_exceeded", a.code == "RESOURCE_EXHAUSTED":
		return &Error{Class: Down, Wait: 30 * time.Second, Msg: "tokens are asked for too often", Fix: "nothing: it is tried again by itself; when it lasts, see what else uses the same credentials"}
	case a.status >= 500, a.status == 408, a.code == "server_error", a.code == "temporarily_unavailable", a.code == "internal_failure":
		return &Error{Class: Down, Msg: "Google's sign-in service fails", Fix: reach}
	case a.page, a.status >= 200 && a.status < 300:
		return &Error{Class: Down, Setting: endpointOf(p), Msg: "a page or another service answers in the place of Google's sign-in service",
			Fix: "see what a proxy between here and Google does, and that " + endpointOf(p) + " is right or left out; it is tried again by itself"}
	case a.status >= 300 && a.status < 400:
		return &Error{Class: Setup, Setting: endpointOf(p), Msg: "the sign-in service sends us elsewhere", Fix: "correct " + endpointOf(p) + ", or leave it out"}
	case a.says("organization policy", "org policy", "constraints/"), a.code == "admin_policy_enforced", a.code == "org_internal":
		return policy(p, a)
	}
	switch a.code {
	case "invalid_grant":
		return invalidGrant(p, a)
	case "invalid_client", "deleted_client", "disabled_client":
		return invalidClient(p, a)
	case "unauthorized_client":
		if p.signsIn() {
			return &Error{Class: Setup, Setting: "client_id", Msg: "this OAuth client may not sign people in this way", Fix: desktopClient}
		}
		return &Error{Class: Setup, Setting: "credentials", Msg: "this account may not ask for tokens this way, or for this scope", Fix: "use the account's own key, without a subject: " + accountsPage}
	case "access_denied":
		if p.signsIn() {
			return &Error{Class: Setup, Msg: "the person did not agree, or may not: while the app is in Testing, only its test users may", Fix: "sign in again and agree; see who may at " + audiencePage}
		}
		return &Error{Class: Setup, Setting: "credentials", Msg: "Google does not give this account a token", Fix: "see that the account is enabled: " + accountsPage}
	case "expired_token":
		return &Error{Class: Setup, Msg: "nobody entered the code in time", Fix: "begin anew"}
	case "invalid_scope":
		if p == device {
			return &Error{Class: Setup, Msg: "Google does not let a device ask for spreadsheets", Fix: "sign in with --paste instead: it needs no browser on this machine either"}
		}
		return &Error{Class: Setup, Msg: "the scope " + Scope + " is not given", Fix: "add the scope to the app at https://console.cloud.google.com/auth/scopes, or see that the administrator allows it"}
	case "redirect_uri_mismatch":
		return &Error{Class: Setup, Setting: "client_id", Msg: "this OAuth client does not allow a way back to this machine", Fix: desktopClient}
	case "invalid_request":
		if a.says("client_secret") {
			return &Error{Class: Setup, Setting: "client_secret", Msg: "the client's secret is missing", Fix: secretFix}
		}
	case "invalid_target":
		return &Error{Class: Setup, Setting: "credentials", Msg: "the workload identity pool or its provider does not exist, or is disabled", Fix: "compare the audience of the file with " + poolsPage}
	case "PERMISSION_DENIED", "UNAUTHENTICATED", "NOT_FOUND":
		return impersonation(a)
	}
	if a.status == 404 {
		return &Error{Class: Setup, Setting: endpointOf(p), Msg: "there is no sign-in service at that address", Fix: "correct " + endpointOf(p) + ", or leave it out"}
	}
	return &Error{Class: Setup, Setting: endpointOf(p), Msg: "the sign-in service dislikes the request", Fix: "see that " + endpointOf(p) + " is right or left out; else report it with the code"}
}

const (
	desktopClient = "make an OAuth client of type desktop app at " + clientsPage + ", and put its ID and secret into client_id and client_secret"
	secretFix     = "copy the secret of the client, or make a new one, at " + clientsPage
	newKey        = "make a new key at " + accountsPage + " (the account, Keys, Add key, JSON), and put it where the old one is; it is read again by itself"
)

// endpointOf is the setting that names where a party's tokens come from.
func endpointOf(p party) string {
	switch p {
	case account:
		return "token_uri in the key file"
	case workload:
		return "token_url in the file"
	}
	return "token_endpoint"
}

// invalidGrant tells apart what the most common refusal can mean.
func invalidGrant(p party, a *answer) *Error {
	switch {
	case p == workload:
		return &Error{Class: Setup, Setting: "credentials", Msg: "the token that this machine shows for itself was refused: it is past its end, or made for another audience or by another issuer",
			Fix: "compare issuer and audience with the provider's at " + poolsPage}
	case p == login, p == device:
		return &Error{Class: Setup, Msg: "the code is too old, was used already, or belongs to another client", Fix: "begin anew, and use the link at once"}
	case p == account && (a.says("iat", "reasonable timeframe", "short-lived") || a.dated && (a.skew > 5*time.Minute || a.skew < -5*time.Minute)):
		return clockError(a)
	case p == account && a.says("signature"):
		return &Error{Class: Setup, Setting: "credentials", Msg: "Google does not know this key of the account any more: it was deleted or disabled, or the file was altered", Fix: newKey}
	case p == account && a.says("account not found", "not a valid email", "user id"):
		return &Error{Class: Setup, Setting: "credentials", Msg: "the service account does not exist any more", Fix: "restore it within 30 days, or make a new one, with a key, and share the spreadsheet with it: " + accountsPage}
	case p == account && a.says("disabled"):
		return &Error{Class: Setup, Setting: "credentials", Msg: "the service account or its key is disabled", Fix: "enable it at " + accountsPage}
	case p == account && a.says("audience"):
		return &Error{Class: Setup, Setting: "credentials", Msg: "the key file names another address than the one that it was sent to", Fix: "take the file as it was downloaded; token_uri is https://oauth2.googleapis.com/token"}
	case p == account:
		return &Error{Class: Setup, Setting: "credentials", Msg: "Google does not take the account's key", Fix: "see that the account is there and enabled, and that this machine's clock is right; else " + newKey}
	case a.subtype == "invalid_rapt" || a.says("reauth"):
		return &Error{Class: Ended, Msg: "the organisation asks people to sign in again every so often", Fix: "sign in again; for good: have the administrator exempt the app, or use a service account instead"}
	}
	return &Error{Class: Ended, Msg: "the sign-in is over: taken back by the person, a changed password, six months without use, or seven days while the app is in Testing",
		Fix: "sign in again; what was taken back is not at " + permissionsPage + " any more; if it was seven days, publish the app first: " + audiencePage}
}

// clockError says how far the clock is off, where it is known.
func clockError(a *answer) *Error {
	e := &Error{Class: Clock, Msg: "Google finds the times in the request impossible, so this machine's clock is wrong", Fix: "set the clock, and let it be kept: timedatectl set-ntp true"}
	if a.dated {
		e.Msg += ": " + offBy(a.skew)
	}
	return e
}

// offBy says which way a clock is wrong.
func offBy(skew time.Duration) string {
	if skew < 0 {
		return fmt.Sprintf("it is %s fast", -skew)
	}
	return fmt.Sprintf("it is %s slow", skew)
}

func invalidClient(p party, a *answer) *Error {
	switch {
	case a.code == "disabled_client":
		return &Error{Class: Setup, Setting: "client_id", Msg: "the OAuth client is disabled", Fix: "enable it, or make another, at " + clientsPage}
	case p == device && a.says("client type"):
		return &Error{Class: Setup, Setting: "client_id", Msg: "this OAuth client is not one for devices", Fix: "sign in with --paste instead: it needs no browser on this machine either"}
	case a.code == "deleted_client", a.says("not found", "deleted"):
		return &Error{Class: Setup, Setting: "client_id", Msg: "there is no such OAuth client, or not any more", Fix: desktopClient}
	case p == workload:
		return &Error{Class: Setup, Setting: "credentials", Msg: "the client that the workload identity file names was refused", Fix: "make the file anew at " + poolsPage}
	}
	return &Error{Class: Setup, Setting: "client_secret", Msg: "client_id and client_secret do not belong together", Fix: secretFix}
}

// policy is for what an administrator does not allow.
func policy(p party, a *answer) *Error {
	e := &Error{Class: Setup, Msg: "a policy of the organisation forbids it"}
	switch {
	case a.code == "org_internal":
		e.Setting, e.Msg, e.Fix = "client_id", "this app is for people of its own organisation only", "sign in with an account of that organisation, or make the app external: "+audiencePage
	case p.signsIn():
		e.Fix = "have the administrator trust this app: https://admin.google.com/ac/owl/list?tab=configuredApps"
	default:
		e.Setting, e.Fix = "credentials", "have the administrator look at https://console.cloud.google.com/iam-admin/orgpolicies, or use a workload identity instead of a key"
	}
	return e
}

// impersonation is for the step from a workload to the account it writes as.
func impersonation(a *answer) *Error {
	e := &Error{Class: Setup, Setting: "credentials"}
	switch {
	case a.subtype == "SERVICE_DISABLED" || a.says("has not been used in project"):
		e.Msg, e.Fix = "the IAM Service Account Credentials API is not enabled", "enable it: https://console.cloud.google.com/apis/library/iamcredentials.googleapis.com"
	case a.code == "NOT_FOUND":
		e.Msg, e.Fix = "the service account that the workload identity writes as does not exist", "compare service_account_impersonation_url with "+accountsPage
	default:
		e.Msg, e.Fix = "this workload may not act as the service account", "grant it the role Workload Identity User (or Service Account Token Creator) on the account, under Permissions: "+accountsPage
	}
	return e
}
