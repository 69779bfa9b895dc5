package google

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/url"
	"regexp"
	"strings"

	"cloud.google.com/go/auth/credentials"
)

// credentialLimit bounds a credentials file; they have two or three kilobytes.
const credentialLimit = 64 << 10

// credential is a credentials file that was looked at and is of a kind that a program
// may be.
type credential struct {
	kind     credentials.CredType
	email    string // "": a workload that writes as itself
	project  string // ID, or number where the file has only that
	endpoint string // where its tokens come from
	audience string // of a workload identity
	text     []byte // all of it: a secret
}

// names is the account behind c, without a secret.
func (c *credential) names() string {
	if c.email == "" {
		return c.audience
	}
	return c.project + "/" + c.email
}

// misfit is the error for a file that is none of ours to use.
func misfit(what, fix string) *Error {
	return &Error{Class: Setup, Setting: "credentials", Msg: what, Fix: fix}
}

const serviceKey = "make a key for a service account at " + accountsPage + " (the account, Keys, Add key, JSON), and use that file"

// parse looks at a credentials file. Which kind it is decides the file's own type and
// nothing else, so that must be one that we mean: the libraries would take a
// developer's own login as well (`sinks.md` A6).
func parse(text []byte) (*credential, error) {
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))
	var f struct {
		Type     string `json:"type"`
		Project  string `json:"project_id"`
		Email    string `json:"client_email"`
		Key      string `json:"private_key"`
		TokenURI string `json:"token_uri"`
		Universe string `json:"universe_domain"`

		Audience    string          `json:"audience"`
		TokenURL    string          `json:"token_url"`
		Impersonate string          `json:"service_account_impersonation_url"`
		Source      json.RawMessage `json:"credential_source"`

		Web       json.RawMessage `json:"web"`
		Installed json.RawMessage `json:"installed"`
	}
	switch {
	case len(text) == 0:
		return nil, misfit("the credentials are empty", serviceKey)
	case len(text) > credentialLimit:
		return nil, misfit("the credentials are far too long to be any", serviceKey)
	case bytes.HasPrefix(text, []byte{0x30, 0x82}):
		return nil, misfit("this is a P12 key, which Google advises against and mekong does not read", serviceKey)
	case bytes.HasPrefix(text, []byte("-----BEGIN")):
		return nil, misfit("this is the bare private key, without whose it is", "use the whole JSON file as it was downloaded; if it is gone, "+serviceKey)
	}
	if json.Unmarshal(text, &f) != nil {
		return nil, misfit("the credentials are not JSON, or damaged", "use the file as it was downloaded, unchanged; if it is gone, "+serviceKey)
	}
	c := &credential{text: text, kind: credentials.CredType(f.Type)}
	switch {
	case f.Type == "" && len(f.Installed) > 0:
		return nil, misfit("this is the file of an OAuth client, with which a person signs in, and not an account", "put its client_id and client_secret into the configuration, with identity: user; or "+serviceKey)
	case f.Type == "" && len(f.Web) > 0:
		return nil, misfit("this is the file of an OAuth client for web sites, and not an account", serviceKey+"; for a person's sign-in the client must be of type desktop app")
	case f.Type == "":
		return nil, misfit("the credentials have no type", serviceKey)
	case c.kind == credentials.AuthorizedUser:
		return nil, misfit("this is a person's own login, made by gcloud, and it may not read spreadsheets", serviceKey+"; or set identity: user and run mekong login google")
	case c.kind == credentials.ServiceAccount:
		return c, c.serviceAccount(f.Email, f.Key, f.Project, f.TokenURI, f.Universe)
	case c.kind == credentials.ExternalAccount:
		return c, c.workload(f.Audience, f.TokenURL, f.Impersonate, f.Universe, f.Source)
	}
	return nil, misfit("mekong does not use credentials of type "+typeName(f.Type), serviceKey+"; or a workload identity's file, of type external_account: "+poolsPage)
}

func (c *credential) serviceAccount(email, key, project, endpoint, universe string) error {
	c.email, c.project, c.endpoint = email, project, endpoint
	if c.endpoint == "" {
		c.endpoint = "https://oauth2.googleapis.com/token"
	}
	switch {
	case !address.MatchString(email):
		return misfit("the key file names no account: client_email is missing or damaged", "use the file as it was downloaded, unchanged")
	case key == "":
		return misfit("the key file has no key in it", serviceKey)
	case !web(c.endpoint):
		return misfit("token_uri in the key file is no address", "use the file as it was downloaded, unchanged; token_uri is https://oauth2.googleapis.com/token")
	case universe != "" && universe != "googleapis.com":
		return misfit("the key is for another cloud than Google's public one, which has no Google Sheets", serviceKey)
	}
	return checkKey(key)
}

// checkKey looks at whether a private key can be used, since a library says so only
// when a token is wanted, and at length.
func checkKey(key string) error {
	block, _ := pem.Decode([]byte(key))
	if block == nil {
		if strings.Contains(key, `\n`) {
			return misfit(`private_key has its line breaks written out twice (\\n)`, "use the file as it was downloaded; where it is an environment variable, do not escape it again")
		}
		return misfit("private_key is damaged: it is no PEM block", "use the file as it was downloaded, unchanged")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	if _, ok := parsed.(*rsa.PrivateKey); err != nil || !ok {
		return misfit("private_key is damaged: it is no RSA key", "use the file as it was downloaded, unchanged; if it is gone, "+serviceKey)
	}
	return nil
}

var (
	address     = regexp.MustCompile(`^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$`)
	impersonate = regexp.MustCompile(`/serviceAccounts/([^/:]+):generateAccessToken$`)
	poolProject = regexp.MustCompile(`/projects/([^/]+)/`)
)

func (c *credential) workload(audience, endpoint, impersonated, universe string, source json.RawMessage) error {
	const anew = "make the file anew: gcloud iam workload-identity-pools create-cred-config, or at " + poolsPage
	c.audience, c.endpoint = audience, endpoint
	if m := poolProject.FindStringSubmatch(audience); m != nil {
		c.project = m[1]
	}
	switch {
	case audience == "" || len(audience) > 500 || strings.ContainsFunc(audience, func(r rune) bool { return r <= ' ' || r > '~' }):
		return misfit("the workload identity file has no audience", anew)
	case !web(endpoint):
		return misfit("token_url in the workload identity file is no address", anew)
	case len(source) == 0:
		return misfit("the workload identity file does not say how this machine shows who it is (credential_source)", anew)
	case universe != "" && universe != "googleapis.com":
		return misfit("the workload identity is for another cloud than Google's public one, which has no Google Sheets", anew)
	}
	if impersonated != "" {
		m := impersonate.FindStringSubmatch(impersonated)
		if !web(impersonated) || m == nil || !address.MatchString(m[1]) {
			return misfit("service_account_impersonation_url in the workload identity file is damaged", anew)
		}
		c.email = m[1]
	}
	return nil
}

// web reports whether text is an address without a login in it.
func web(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil && u.Fragment == ""
}

// typeName is a type as it may be told.
func typeName(s string) string {
	if s = identifier(s); s == "" {
		return "that no one knows"
	}
	return s
}
