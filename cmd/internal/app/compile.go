package app

import (
	"errors"
	"fmt"
	"sort"
	"time"

	"mekong/config"
	"mekong/transform"
)

// Compile works out the expressions of a configuration, which package config
// cannot, and returns what is wrong with them, each with its line.
func Compile(c *config.Config) config.Problems {
	var out config.Problems
	zone, err := time.LoadLocation(c.Timezone)
	if err != nil {
		zone = time.UTC // reported by config itself
	}
	for name, m := range c.Transform {
		_, err := transform.New(name, &m, zone)
		for _, e := range transform.Errors(err) {
			out = append(out, c.Problem("transform."+name+"."+e.Setting, e.Err.Error(), ""))
		}
	}
	for name, s := range c.Sinks {
		if s.Where == "" {
			continue
		}
		if _, err := transform.Where(s.Where); err != nil {
			out = append(out, c.Problem("sinks."+name+".where", reason(err), ""))
		}
	}
	sort.SliceStable(out, func(i, j int) bool {
		if out[i].Line != out[j].Line {
			return out[i].Line < out[j].Line
		}
		return out[i].Path < out[j].Path
	})
	return out
}

// Check is what can be said of a configuration and these options before anything is
// opened: what keeps [New] from opening it in any case.
func Check(c *config.Config, o Options) config.Problems {
	out := Compile(c)
	if o.Production {
		var unfit config.Problems
		_ = errors.As(fitForProduction(c), &unfit)
		out = append(out, unfit...)
	}
	out = append(out, gatewayProblems(c, o)...)
	for _, name := range o.Sinks {
		if _, ok := c.Sinks[name]; !ok {
			out = append(out, c.Problem(config.Path("sinks", name), "it is not there, and this process was started with --sinks "+name, "leave it in, or start Mekong without it"))
		}
	}
	return out
}

// reason is an error without the setting's name, which the problem has already.
func reason(err error) string {
	var e *transform.Error
	if errors.As(err, &e) {
		return e.Err.Error()
	}
	return err.Error()
}

// fitForProduction refuses what is only there to try Mekong out.
func fitForProduction(c *config.Config) error {
	var out config.Problems
	for _, name := range c.SinkNames() {
		if m := c.Sinks[name].MongoDB; m != nil && m.URI.IsZero() {
			out = append(out, c.Problem("sinks."+name+".mongodb.uri",
				"the embedded MongoDB is for trying out and is refused with --production",
				"write the uri of a MongoDB server"))
		}
	}
	for _, name := range c.SourceNames() {
		s := c.Sources[name]
		if l := s.LadiPage; l != nil && l.Token.IsZero() && len(l.Tokens) == 0 {
			out = append(out, c.Problem("sources."+name+".ladipage.token",
				"without a token anybody who finds the address can send leads, and this is refused with --production",
				"choose a long random token and put it in LadiPage's API header"))
		}
		if l := s.ChatLog; l != nil && l.Token.IsZero() && len(l.Tokens) == 0 && l.ChatbaseSecret.IsZero() {
			out = append(out, c.Problem("sources."+name+".chatlog.token",
				"without a token anybody who finds the address can log conversations, and this is refused with --production",
				"choose a long random token and have the chatbot send it as the header Token"))
		}
		if w := s.Webhook; w != nil && w.Verify.Nobody {
			out = append(out, c.Problem("sources."+name+".webhook.verify.nobody",
				"anybody who finds the address can post, and this is refused with --production",
				"set verify.hmac, verify.standard_webhooks, verify.token or verify.basic"))
		}
	}
	if len(out) == 0 {
		return nil
	}
	return fmt.Errorf("%w", out)
}
