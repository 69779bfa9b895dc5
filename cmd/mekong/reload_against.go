package main

import (
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"

	"mekong/cmd/internal/app"
	"mekong/config"
)

// against is what speaks against next in the place of now, as far as that can be known
// while now runs.
func (r *runner) against(now, next setup, a *app.App) config.Problems {
	out := app.Check(next.conf, r.opts)
	bad := func(setting, what, fix string) { out = append(out, next.conf.Problem(setting, what, fix)) }
	for setting, path := range beside(next.conf) {
		if _, read := next.files[setting]; read || !r.needs(setting, next.conf) {
			continue
		}
		_, err := os.ReadFile(path)
		if err == nil {
			err = errors.New("it was being written")
		}
		bad(setting, "the file cannot be read: "+withoutPath(err), "let the user that Mekong runs as read it")
	}
	for role, addr := range r.addresses(next.conf) {
		if err := r.fronts.free(role, addr); err != nil {
			bad("http."+role, "nobody can listen there: "+err.Error(), "is another program there? Choose another port")
		}
	}
	// What waits, and what the keys are for, stays where it is.
	if was, is := now.conf.DataDir, next.conf.DataDir; was != is {
		bad("data_dir", "it does not change while Mekong runs: what waits is in the old folder", "stop Mekong, move the folder, and start it")
	}
	was, is := now.conf.NATS, next.conf.NATS
	if !oneNATS(was.URL, is.URL) {
		bad("nats.url", "it does not move to another NATS while Mekong runs: what waits is in the old one", "let it run empty or move it with a backup, and start Mekong anew")
	}
	if is.Listen != "" && is.Listen != was.Listen {
		if err := r.fronts.free("nats", is.Listen); err != nil {
			bad("nats.listen", "nobody can listen there: "+err.Error(), "is another program there? Choose another port")
		}
	}
	if was.Gateway != is.Gateway {
		bad("nats.gateway", "it does not change while Mekong runs: what waits on this machine would stay there", "stop Mekong once nothing waits, and start it anew")
	}
	if was.URL != "" && reflect.DeepEqual(was, is) && !a.Bus.Connected() {
		bad("nats.url", "NATS is not connected, so that nothing could be started now", "try again when it is")
	}
	slices.SortStableFunc(out, func(a, b config.Problem) int { return a.Line - b.Line })
	return out
}

// addresses are where this process listens, by role.
func (r *runner) addresses(c *config.Config) map[string]string {
	out := map[string]string{}
	posted := func(name string) bool { return c.Sources[name].Path() != "" }
	if r.has(app.RoleIntake) && slices.ContainsFunc(c.SourceNames(), posted) {
		out[app.RoleIntake] = c.HTTP.Intake
	}
	if r.has(app.RoleConsole) {
		out[app.RoleConsole] = c.HTTP.Console
	}
	return out
}

func (r *runner) has(role string) bool {
	return len(r.opts.Only) == 0 || slices.Contains(r.opts.Only, role)
}

// needs reports whether this process opens what reads the file of a setting.
func (r *runner) needs(setting string, c *config.Config) bool {
	if strings.HasPrefix(setting, "nats.") {
		return true
	}
	if !r.has(app.RoleDeliver) {
		return false
	}
	of := func(sink string) bool { return strings.HasPrefix(setting, config.Path("sinks", sink)+".") }
	return len(r.opts.Sinks) == 0 || slices.ContainsFunc(r.opts.Sinks, of)
}

// withoutPath is an error of a file without its path.
func withoutPath(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return err.Error()
}

// oneNATS reports whether two settings can mean one NATS: both the embedded one, or
// clusters with a server in common.
func oneNATS(was, is string) bool {
	if was == "" || is == "" {
		return was == is
	}
	servers := strings.Split(is, ",")
	return slices.ContainsFunc(strings.Split(was, ","), func(s string) bool {
		return slices.ContainsFunc(servers, func(o string) bool { return strings.TrimSpace(o) == strings.TrimSpace(s) })
	})
}
