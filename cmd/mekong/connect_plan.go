package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"mekong/cmd/internal/app"
	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/doctor"
)

// block is the sink's part of the configuration, below its name, with ref in the
// place of the secret.
func (con *connection) block(ref string, mapped []proposal) []string {
	lines := []string{
		"accept: [lead]",
		"larkbase:",
		"  url: " + quoted(con.address()),
		"  app_id: " + quoted(con.o.appID),
		`  app_secret: "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(ref) + `"`,
	}
	if con.o.brand != "" && con.o.brand != con.link.Brand {
		lines = append(lines, "  brand: "+quoted(con.o.brand))
	}
	if con.o.endpoint != "" {
		lines = append(lines, "  endpoint: "+quoted(con.o.endpoint))
	}
	var columns []string
	for _, p := range mapped {
		if p.Field != "" {
			columns = append(columns, "    "+strings.ReplaceAll(quoted(p.Column.Name), "$${", "${")+": "+p.Field)
		}
	}
	if len(columns) > 0 {
		lines = append(lines, "  columns:")
		lines = append(lines, columns...)
	}
	return lines
}

// address is the link of the table, without what a browser put behind it.
func (con *connection) address() string {
	u := con.link.URL()
	if con.plain {
		u = "http" + strings.TrimPrefix(u, "https")
	}
	return u
}

// stand is the name under which the secret stands for the checks, which need no
// variable to be set and no file to be there.
const stand = "MEKONG_CONNECT_SECRET"

// alone is a configuration with nothing but the sink, secret included.
func (con *connection) alone(path string, mapped []proposal) (*config.Config, error) {
	text, err := addSink(nil, con.o.name, con.block("${"+stand+"}", mapped))
	if err != nil {
		return nil, err
	}
	c, err := config.Parse(path, text, func(name string) (string, bool) { return con.secret, name == stand })
	var problems config.Problems
	if errors.As(err, &problems) {
		// Its lines are of a file that nobody has seen.
		p := problems[0]
		return nil, usagef("%s: %s; %s", p.Path, p.What, p.Fix)
	}
	return c, err
}

// examine has the sink itself look at the table.
func (con *connection) examine(ctx context.Context, alone *config.Config) doctor.Report {
	checks, done, err := app.Checks(alone, app.DoctorOptions{Sinks: []string{con.o.name}})
	if err != nil {
		checks, done = []doctor.Check{{Group: "sink " + con.o.name, Run: func(context.Context) []pipeline.Finding {
			return []pipeline.Finding{{Level: pipeline.Fail, What: err.Error()}}
		}}}, func() {}
	}
	defer done()
	return doctor.Run(ctx, checks)
}

// plan is the file as it will be. It brings no problem that was not there before.
func (con *connection) plan(path string, was []byte, mapped []proposal) ([]byte, error) {
	base := was
	if was == nil {
		base = []byte(fresh)
	}
	text, err := addSink(base, con.o.name, con.block(con.ref, mapped))
	if err != nil {
		return nil, err
	}
	env := func(name string) (string, bool) {
		if "${"+name+"}" == con.ref {
			return con.secret, true
		}
		return os.LookupEnv(name)
	}
	had, has := problemsIn(path, base, env), problemsIn(path, text, env)
	for _, p := range has {
		old := slices.ContainsFunc(had, func(o config.Problem) bool { return o.Path == p.Path && o.What == p.What })
		secret := con.toFile != "" && strings.HasSuffix(p.Path, ".app_secret") // it is made together with the file
		if !old && !secret {
			return nil, fmt.Errorf("with the sink in it the configuration would be wrong: %s: %s; nothing was written", p.Path, p.What)
		}
	}
	return text, nil
}

func problemsIn(path string, text []byte, env func(string) (string, bool)) config.Problems {
	_, err := config.Parse(path, text, env)
	var problems config.Problems
	errors.As(err, &problems)
	return problems
}
