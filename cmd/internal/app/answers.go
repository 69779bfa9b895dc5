package app

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mekong/config"
	"mekong/pipeline"
	"mekong/pipeline/worker"
	"mekong/sinks/chatbot"
	"mekong/sinks/lark"
	"mekong/sinks/larkchat"
)

// answersOf is the name of the queue from which a bot's messages are answered, in the
// stream, the log and the metrics. No sink can have it, since names in a configuration
// begin with a letter, and it is the same as a part of a subject: a sign that a subject
// cannot hold would be written as another there, and might meet a sink's name.
func answersOf(source string) string { return "_answers_" + source }

// messages is the kind of record that a message to a bot becomes.
const messages = "message"

// openAnswers has a chatbot answer what people write to a bot in Lark. A message waits
// in the stream like any record, so that neither a crash nor a slow chatbot loses it,
// and what was said and answered is taken in as a turn. A queue of answers has the
// metrics of a sink and is held, buried and told of like one; the balance, which is
// about what is stored, leaves it out.
func (a *App) openAnswers(ctx context.Context) error {
	var failed *prometheus.CounterVec
	for _, name := range a.config.SourceNames() {
		bot := a.config.Sources[name].LarkBot
		if bot == nil || bot.Reply.URL.IsZero() {
			continue
		}
		if failed == nil {
			failed = prometheus.NewCounterVec(prometheus.CounterOpts{
				Name: "mekong_chatbot_failures_total", Help: "Messages that the chatbot did not answer, whose sender got the polite text instead, by source."}, []string{"source"})
			a.registry.MustRegister(failed)
		}
		store, err := TokenStore(ctx, a.Bus, a.config.DataDir)
		if err != nil {
			return err
		}
		client, err := lark.New(lark.Options{
			Brand: bot.Brand, Endpoint: bot.Endpoint, AppID: bot.AppID, AppSecret: bot.AppSecret,
			Share: store, OnToken: a.vendors().token(answersOf(name)), OnCall: a.vendors().call(answersOf(name)),
		})
		if err != nil {
			return fmt.Errorf("sources.%s.larkbot: %w", name, err)
		}
		s, err := chatbot.New(name, bot.Reply, chatbot.Options{
			Reply: larkchat.NewChat(client).Reply, Sure: surelyNotSent, Emit: a.Bus.Emit,
			OnFailure: func(reason string) {
				failed.WithLabelValues(name).Inc()
				a.log.Warn("the chatbot did not answer; its person was told to be patient", "source", name, "reason", reason)
			},
		})
		if err != nil {
			return fmt.Errorf("%s: %w", config.Path("sources", name, "larkbot", "reply"), err)
		}
		a.later(func() { _ = s.Close() })
		if err := a.Bus.RecentRaws(ctx, name, time.Now().Add(-recallFor), s.Recall); err != nil {
			return err
		}
		d := &worker.Deliver{
			Bus: a.Bus, Name: answersOf(name), Sink: s, Limits: s.Limits(), Accept: []string{messages},
			Where: func(r pipeline.Record) (bool, error) { return r.Source == name, nil },
			Grace: a.config.ShutdownGrace, AckWait: a.ackWait(), Log: a.log, Metrics: a.measured,
		}
		a.measured.Watch(d)
		a.delivers = append(a.delivers, d)
	}
	return nil
}

// surelyNotSent reports whether a reply that failed was refused before anybody saw it.
func surelyNotSent(err error) bool {
	e := lark.As(err)
	return e != nil && !e.Ambiguous
}
