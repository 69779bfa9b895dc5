package config

import (
	"maps"
	"net/url"
	"slices"
	"unicode/utf8"
)

// The roles of the console.
const (
	RoleViewer   = "viewer"
	RoleOperator = "operator"
)

// Console says who may sign in to the console, and what it should know of the
// world outside. Where it listens is [HTTP.Console].
type Console struct {
	Users map[string]ConsoleUser `yaml:"users" doc:"who may sign in, by a name of your choice; none: one who holds the link that is printed at start, made once and kept in data_dir"`
	Door  string                 `yaml:"door" doc:"address by which senders reach the door, such as https://leads.example.vn, for the addresses that the console shows to be pasted; empty: that of http.intake"`
}

// ConsoleUser is one person, or a group that shares a password.
type ConsoleUser struct {
	Password Secret `yaml:"password" doc:"12 characters or more"`
	Role     string `yaml:"role" oneof:"viewer operator" doc:"viewer: sees everything, with names, phones and e-mails masked; operator: sees them, and may act"`
}

// UserNames returns the names of those who may sign in, sorted.
func (c Console) UserNames() []string { return slices.Sorted(maps.Keys(c.Users)) }

func (c *Console) defaults(string) { c.Users = map[string]ConsoleUser{} }

func (c *Console) check(r *report) {
	for _, name := range c.UserNames() {
		checkName(r.at("users").at(name), name)
	}
	if c.Door == "" {
		return
	}
	u, err := url.Parse(c.Door)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		at := r.at("door")
		at.bad(at.quote(c.Door)+" is no address", "write https:// and the host, as in https://leads.example.vn")
	}
}

func (u *ConsoleUser) defaults(string) { u.Role = RoleViewer }

// minPassword is the fewest characters of a password: with the attempts limited,
// more than anybody guesses.
const minPassword = 12

func (u *ConsoleUser) check(r *report) {
	at := r.at("password")
	switch {
	case at.failed():
	case u.Password.IsZero():
		at.bad("there is none, so anybody could be this user", `write one, such as "${CONSOLE_PASSWORD}"`)
	case utf8.RuneCountInString(u.Password.Reveal()) < minPassword:
		at.bad("short enough to be guessed", "use 12 characters or more; a few words will do")
	}
	if at := r.at("role"); u.Role == "" && !at.failed() {
		at.bad("not set", "write viewer or operator, or leave it out, which is viewer")
	}
}
