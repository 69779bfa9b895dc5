package larksim

import (
	"slices"
)

// The two deployments of the platform; an app exists on one of them.
const (
	BrandLark   = "lark"
	BrandFeishu = "feishu"
)

// App is an app of the developer console.
type App struct {
	ID, Secret  string
	Name        string
	Brand       string   // "": the tenant's
	Scopes      []string // ticked in the console; in force once released
	Unreleased  bool     // no version was released: no scope is in force
	OnlyFor     []string // open ids in its availability range; none: everybody
	AllowIPs    []string // addresses and prefixes that may call; none: any
	Disabled    bool     // by the administrator: 99991662
	Uninstalled bool     // in this tenant: 99991673
	NoBot       bool     // bot ability off: 230006
	Redirects   []string // redirect URIs registered for OAuth
	NoRefresh   bool     // the console switch "refresh user_access_token" is off: 20074
}

type app struct {
	App
	inForce []string // scopes of the released version
	version int
	fetches int // of tenant tokens, granted or not
	current *tenantToken
	stuck   bool // hand out the current token though it is refused
}

// AddApp adds an app, or replaces the one with its id.
func (s *Sim) AddApp(a App) {
	s.set(func() {
		if a.Brand == "" {
			a.Brand = s.opts.Brand
		}
		a.Scopes = slices.Clone(a.Scopes)
		n := &app{App: a}
		s.apps[a.ID] = n
		if !a.Unreleased {
			n.release()
		}
	})
}

// TickScopes ticks scopes for an app in the console, which does nothing until
// [Sim.Release].
func (s *Sim) TickScopes(appID string, scopes ...string) {
	s.set(func() { s.mustApp(appID).Scopes = slices.Clone(scopes) })
}

// Release creates and releases a version of the app: what is ticked is in force.
func (s *Sim) Release(appID string) { s.set(func() { s.mustApp(appID).release() }) }

// DisableApp is the administrator switching an app off, or on again.
func (s *Sim) DisableApp(appID string, off bool) { s.set(func() { s.mustApp(appID).Disabled = off }) }

func (a *app) release() {
	a.Unreleased = false
	a.inForce = slices.Clone(a.Scopes)
	a.version++
}

// can says whether one of the scopes is in force.
func (a *app) can(any []string) bool {
	return slices.ContainsFunc(any, func(s string) bool { return slices.Contains(a.inForce, s) })
}

// mustApp finds an app for a set-up call, where a wrong id is a mistake in the
// program that sets up.
func (s *Sim) mustApp(id string) *app {
	a := s.apps[id]
	if a == nil {
		panic("larksim: no app " + id)
	}
	return a
}
