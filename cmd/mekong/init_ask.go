package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// questions asks what no flag has said. Enter is always an answer.
func (r *initRun) questions(ctx context.Context) error {
	fmt.Fprintln(r.out, r.say("hello"))
	for _, ask := range []func(context.Context) error{r.askSources, r.askBot, r.askDoor, r.askMongoDB, r.askLinks} {
		if err := ask(ctx); err != nil {
			return unanswered(err, "--yes")
		}
	}
	return nil
}

func (r *initRun) askSources(ctx context.Context) error {
	if len(r.o.sources) > 0 {
		return nil
	}
	fmt.Fprintf(r.out, "\n%s\n", r.say("sources"))
	for i, s := range initSources {
		fmt.Fprintf(r.out, "  %d  %s\n", i+1, r.say("source."+s))
	}
	for {
		answer, err := r.ask.line(ctx, r.say("sources.several"))
		if err != nil {
			return err
		}
		if picked, ok := pick(answer); ok {
			r.o.sources = picked
			return nil
		}
		fmt.Fprintln(r.out, r.say("sources.wrong"))
	}
}

// pick reads numbers of initSources, or their names.
func pick(answer string) (picked []string, ok bool) {
	if answer == "" {
		answer = "1"
	}
	for _, word := range strings.FieldsFunc(answer, func(c rune) bool { return strings.ContainsRune(" ,;.+", c) }) {
		n, err := strconv.Atoi(word)
		if err != nil {
			n = slices.Index(initSources, strings.ToLower(word)) + 1
		}
		if n < 1 || n > len(initSources) {
			return nil, false
		}
		picked = append(picked, initSources[n-1])
	}
	slices.SortFunc(picked, func(a, b string) int { return slices.Index(initSources, a) - slices.Index(initSources, b) })
	return slices.Compact(picked), len(picked) > 0
}

// askBot asks for what only Lark can tell. A bot without it is left out: its source
// would let nobody in.
func (r *initRun) askBot(ctx context.Context) (err error) {
	if !slices.Contains(r.o.sources, "larkbot") {
		return nil
	}
	fmt.Fprintln(r.out)
	for r.secrets[fileVerify] == "" {
		if r.secrets[fileVerify], err = r.ask.secret(ctx, r.say("verify")); err != nil {
			return err
		}
	}
	r.secrets[fileEncrypt], err = r.ask.secret(ctx, r.say("encrypt"))
	return err
}

func (r *initRun) askDoor(ctx context.Context) error {
	for r.o.door == "" {
		fmt.Fprintln(r.out)
		answer, err := r.ask.line(ctx, r.say("door"))
		if err != nil || answer == "" {
			return err
		}
		if !strings.Contains(answer, "://") {
			answer = "https://" + answer
		}
		if doorLike(answer) {
			r.o.door = strings.TrimRight(answer, "/")
			return nil
		}
		fmt.Fprintln(r.out, r.say("door.wrong"))
	}
	return nil
}

// doorLike reports whether paths can be put behind an address.
func doorLike(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.Fragment == ""
}

func (r *initRun) askMongoDB(ctx context.Context) (err error) {
	fmt.Fprintf(r.out, "\n%s\n", r.say("sinks"))
	if r.secrets[fileMongoDB] == "" {
		r.secrets[fileMongoDB], err = r.ask.secret(ctx, r.say("mongodb"))
	}
	return err
}

func (r *initRun) askLinks(ctx context.Context) error {
	if len(r.links) > 0 {
		return nil
	}
	fmt.Fprintln(r.out, r.say("links"))
	question := "link"
	for {
		answer, err := r.ask.line(ctx, r.say(question))
		if err != nil || answer == "" {
			return err
		}
		if !strings.Contains(answer, "://") {
			answer = "https://" + answer
		}
		kind, endpoint := kindOfLink(answer)
		switch {
		case kind == "":
			fmt.Fprintln(r.out, r.say("link.wrong"))
		case slices.ContainsFunc(r.links, func(l initLink) bool { return l.kind == kind }):
			fmt.Fprintln(r.out, r.say("link.twice"))
		default:
			r.links, question = append(r.links, initLink{kind, answer, endpoint}), "link.more"
		}
	}
}
