package sources

import (
	"errors"
	"time"

	"mekong/config"
	"mekong/sources/chatlog"
	"mekong/sources/chatlog/turn"
	"mekong/sources/intake"
	"mekong/sources/ladipage"
	"mekong/sources/larkbot"
	"mekong/sources/webhook"
)

func (o *Opened) ladipage(name string, c config.LadiPage) error {
	r, err := ladipage.New(name, c, time.Now)
	if err != nil {
		return err
	}
	o.warm[name] = r.Warm
	o.routes = append(o.routes, intake.Route{
		Source: name, Path: c.Path, PathToken: true, Format: ladipage.Format,
		MaxBody: int64(c.MaxBody), Headers: ladipage.Headers(), Origins: c.Origins, Receiver: r,
	})
	return nil
}

func (o *Opened) chatlog(name string, c config.ChatLog, timezone string, with Options) error {
	if c.Zone == "" {
		c.Zone = timezone
	}
	r, err := chatlog.New(name, c, time.Now)
	if err != nil {
		return err
	}
	o.recall[name] = r.Remember
	o.routes = append(o.routes, intake.Route{
		Source: name, Path: c.Path, PathToken: true, Format: turn.Format,
		MaxBody: int64(c.MaxBody), Headers: chatlog.Headers(), Origins: c.Origins, Receiver: r,
	})
	if len(c.Tail) > 0 {
		if with.Positions == nil {
			return errors.New("tail: there is nowhere to keep how far the files were read")
		}
		t, err := chatlog.NewTail(r, c, chatlog.TailOptions{Positions: with.Positions(name), Refuse: with.Refuse, Logger: with.Logger})
		if err != nil {
			return err
		}
		o.Runs = append(o.Runs, Running{name, t})
	}
	if c.Subject != "" {
		if with.Hear == nil {
			return errors.New("subject: there is no NATS here to listen to")
		}
		l, err := chatlog.NewListener(r, with.Hear(name, c.Subject), with.Refuse, with.Logger)
		if err != nil {
			return err
		}
		o.Runs = append(o.Runs, Running{name, l})
	}
	return nil
}

func (o *Opened) larkbot(name string, c config.LarkBot, with Options) error {
	if c.Mode == "websocket" {
		s, err := larkbot.NewSocket(name, c, larkbot.SocketOptions{Logger: with.Logger})
		if err != nil {
			return err
		}
		o.Runs = append(o.Runs, Running{name, s})
		return nil
	}
	r, err := larkbot.New(name, c, time.Now)
	if err != nil {
		return err
	}
	o.routes = append(o.routes, intake.Route{Source: name, Path: c.Path, Format: larkbot.Format, MaxBody: int64(c.MaxBody), Receiver: r})
	return nil
}

func (o *Opened) webhook(name string, c config.WebhookSource) error {
	r, err := webhook.New(name, c, time.Now)
	if err != nil {
		return err
	}
	o.warm[name] = r.Warm
	route := intake.Route{
		Source: name, Path: c.Path, PathToken: true, Format: webhook.Format,
		MaxBody: int64(c.MaxBody), Headers: r.Headers(), Receiver: r,
	}
	if r.Challenges() {
		route.Verify = r.Challenge
	}
	o.routes = append(o.routes, route)
	return nil
}
