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

// reference is ref as a value of the configuration.
func reference(ref string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(ref) + `"`
}

// columnLines are the columns setting of a sink's block; none are left out.
func columnLines(mapped []proposal) []string {
	var lines []string
	for _, p := range mapped {
		if p.Field != "" {
			lines = append(lines, "    "+strings.ReplaceAll(quoted(p.Column.name), "$${", "${")+": "+p.Field)
		}
	}
	if len(lines) > 0 {
		lines = append([]string{"  columns:"}, lines...)
	}
	return lines
}

// stand is the name under which the secret stands for the checks, which need no
// variable to be set and no file to be there.
const stand = "MEKONG_CONNECT_SECRET"

// alone is a configuration with nothing but the sink, secret included.
func (con *connection) alone(path string, mapped []proposal) (*config.Config, error) {
	text, err := addSink(nil, con.name, con.block("${"+stand+"}", mapped))
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
	checks, done, err := app.Checks(alone, app.DoctorOptions{Sinks: []string{con.name}})
	if err != nil {
		checks, done = []doctor.Check{{Group: "sink " + con.name, Run: func(context.Context) []pipeline.Finding {
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
	text, err := addSink(base, con.name, con.block(con.ref, mapped))
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
		secret := con.toFile != "" && strings.Contains(p.Path, "secret") // it is made together with the file
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
