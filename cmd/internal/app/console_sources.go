package app

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"mekong/cmd/internal/sample"
	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/pipeline/console"
)

const (
	recentMost = 500     // messages that are looked at to say what came lately
	formsMost  = 20      // of a source
	bodyMost   = 8 << 10 // bytes of a request that are shown
)

// consoleSources tells the console of the ways in, by the configuration, the door's
// counts and the latest of the streams.
type consoleSources struct{ app *App }

var _ console.Sources = consoleSources{}

// Sources implements console.Sources.
func (s consoleSources) Sources(ctx context.Context) ([]console.SourceInfo, error) {
	a := s.app
	left, err := a.newLeftovers()
	if err != nil {
		return nil, err
	}
	last, forms, err := s.lately(ctx, left)
	if err != nil {
		return nil, err
	}
	accepted, refused := a.doorCounts()
	base := a.config.Console.Door
	if base == "" {
		base = a.doorHere()
	}
	var out []console.SourceInfo
	for _, name := range a.config.SourceNames() {
		of := a.config.Sources[name]
		info := console.SourceInfo{Name: name, Kind: blockOf(of), Here: a.Sources != nil, Taken: accepted[name],
			Last: last[name], Forms: forms[name], Unmapped: left.list(name), Secret: shownBy(name, of)}
		if path := of.Path(); path != "" {
			info.URL = strings.TrimRight(base, "/") + path
		}
		for _, cause := range slices.Sorted(maps.Keys(refused[name])) {
			info.Refused = append(info.Refused, console.Cause{Name: cause, Count: refused[name][cause]})
		}
		out = append(out, info)
	}
	return out, nil
}

// doorHere is the address of the door as this machine reaches it.
func (a *App) doorHere() string {
	if a.Sources != nil && a.Sources.Door != nil {
		return "http://" + dialable(a.Sources.Door.Addr().String())
	}
	return "http://" + dialable(a.config.HTTP.Intake)
}

// Test implements console.Sources. The delivery goes through the real door, as its
// sender's would, so that what is tested is what there is.
func (s consoleSources) Test(ctx context.Context, source string) (id string, err error) {
	of, ok := s.app.config.Sources[source]
	if !ok || of.Path() == "" {
		return "", fmt.Errorf("source %q is none that can be posted to", source)
	}
	now := time.Now()
	header, body, err := sample.Dress(of, sample.Test(of, uint64(now.UnixNano()), now), now)
	if err != nil {
		return "", err
	}
	id, _, err = sample.Post(ctx, http.DefaultClient, s.app.doorHere()+of.Path(), header, body)
	return id, err
}

// shownBy is where the configuration holds what a sender must show; "" where it shows
// nothing, or signs.
func shownBy(name string, s config.Source) string {
	switch {
	case s.LadiPage != nil && !s.LadiPage.Token.IsZero():
		return config.Path("sources", name, "ladipage", "token")
	case s.ChatLog != nil && !s.ChatLog.Token.IsZero():
		return config.Path("sources", name, "chatlog", "token")
	case s.LarkBot != nil && !s.LarkBot.VerificationToken.IsZero():
		return config.Path("sources", name, "larkbot", "verification_token")
	case s.Webhook != nil:
		return config.Path("sources", name, "webhook", "verify")
	}
	return ""
}

// lately is when each source's latest came and which forms the latest are of, as far as
// the latest messages tell; left is shown each of them.
func (s consoleSources) lately(ctx context.Context, left *leftovers) (last map[string]time.Time, forms map[string][]console.FormSeen, err error) {
	last, forms = map[string]time.Time{}, map[string][]console.FormSeen{}
	err = s.walk(ctx, bus.Deliveries, "", func(k bus.Kept) {
		r, err := k.Raw()
		if err != nil {
			return
		}
		if r.Received.After(last[r.Source]) {
			last[r.Source] = r.Received
		}
		left.take(r)
	})
	if err != nil {
		return nil, nil, err
	}
	err = s.walk(ctx, bus.Records, "", func(k bus.Kept) {
		r, err := k.Record()
		if err != nil {
			return
		}
		form, page := text(r, "form"), text(r, "page")
		if form == "" && page == "" {
			return
		}
		of := forms[r.Source]
		i := slices.IndexFunc(of, func(f console.FormSeen) bool { return f.Form == form && f.Page == page })
		if i < 0 {
			i, of = len(of), append(of, console.FormSeen{Form: form, Page: page})
		}
		of[i].Count++
		if r.Received.After(of[i].Last) {
			of[i].Last = r.Received
		}
		forms[r.Source] = of
	})
	for name, of := range forms {
		slices.SortFunc(of, func(a, b console.FormSeen) int {
			return cmp.Or(b.Last.Compare(a.Last), strings.Compare(a.Form, b.Form), strings.Compare(a.Page, b.Page))
		})
		forms[name] = of[:min(len(of), formsMost)]
	}
	return last, forms, err
}

func text(r pipeline.Record, field string) string {
	s, _ := r.Fields[field].(string)
	return s
}

// walk calls each with the latest messages of a place, oldest first.
func (s consoleSources) walk(ctx context.Context, p bus.Place, source string, each func(bus.Kept)) error {
	newest, err := s.app.Bus.Newest(ctx, p)
	if err != nil || newest == 0 {
		return err
	}
	span := bus.Span{Until: newest, Source: source}
	if newest > recentMost {
		span.After = newest - recentMost
	}
	return s.app.Bus.Walk(ctx, p, span, func(k bus.Kept) error { each(k); return nil })
}

// Latest implements console.Sources.
func (s consoleSources) Latest(ctx context.Context, source string, n int) ([]console.Request, error) {
	var out []console.Request
	for _, place := range []bus.Place{bus.Deliveries, bus.Refused} {
		err := s.walk(ctx, place, source, func(k bus.Kept) {
			raw, err := k.Raw()
			if err != nil {
				return
			}
			one := console.Request{At: k.Stored, ID: raw.ID, Body: string(raw.Body)}
			if place == bus.Refused {
				one.Cause = k.Grave().Reason
			}
			if len(one.Body) > bodyMost {
				one.Body, one.Cut = one.Body[:bodyMost], true
			}
			if !utf8.ValidString(one.Body) {
				one.Body = strings.ToValidUTF8(one.Body, "�")
			}
			for _, name := range slices.Sorted(maps.Keys(raw.Meta)) {
				one.Meta = append(one.Meta, console.Pair{Name: name, Value: raw.Meta[name]})
			}
			out = append(out, one)
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(out, func(a, b console.Request) int { return b.At.Compare(a.At) })
	return out[:min(len(out), n)], nil
}
