package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/chatbot"
	"mekong/sinks/lark"
	"mekong/sources/larkbot"
)

// source sees whether what a source waits for can reach it.
func (e *examination) source(ctx context.Context, name string) []pipeline.Finding {
	s := e.c.Sources[name]
	found := e.sourceDoor(ctx, name, s)
	switch {
	case s.ChatLog != nil:
		found = append(found, e.tail(name, *s.ChatLog)...)
		if s.ChatLog.Subject != "" {
			found = append(found, e.subject(ctx, name, s.ChatLog.Subject))
		}
	case s.LarkBot != nil:
		found = append(found, e.bot(ctx, name, *s.LarkBot)...)
	}
	return found
}

// challenge asks a bot's address what the platform asks when it is entered.
func (e *examination) challenge(ctx context.Context, setting, address string, c config.LarkBot) pipeline.Finding {
	want := rand.Text()
	header := http.Header{"Content-Type": {"application/json"}}
	body, err := larkbot.Sign(c, header, []byte(`{"type":"url_verification","token":"","challenge":"`+want+`"}`), time.Now())
	if err != nil {
		return pipeline.Finding{Level: pipeline.Fail, Setting: setting, What: "the challenge of Lark cannot be made: " + err.Error(), Fix: "correct verification_token and encrypt_key"}
	}
	began := time.Now()
	a, err := knock(ctx, http.MethodPost, address, header, body)
	var got struct{ Challenge string }
	switch {
	case err != nil:
		return pipeline.Finding{Level: pipeline.Fail, Setting: setting, What: "the door does not answer at " + c.Path + ": " + plainly(err), Fix: "see the log of mekong run"}
	case a.status == http.StatusNotFound:
		return elsewhereRunning(setting, c.Path)
	case a.status != http.StatusOK || json.Unmarshal(a.body, &got) != nil || got.Challenge != want:
		return pipeline.Finding{Level: pipeline.Fail, Setting: setting, What: fmt.Sprintf("the challenge of Lark is answered %d: the mekong that is running has another verification_token or encrypt_key", a.status), Fix: "start it anew with this configuration"}
	case time.Since(began) > time.Second:
		return pipeline.Finding{Level: pipeline.Warn, Setting: setting, What: "the challenge of Lark is answered, and takes longer than the second that Lark waits", Fix: "see what keeps this machine busy"}
	}
	return pipeline.Finding{Setting: setting, What: "the door at " + address + " answers the challenge of Lark; enter its public address as Request URL under Events & Callbacks"}
}

// verification asks a webhook's address what facebook asks when it is entered.
func (e *examination) verification(ctx context.Context, setting, address string, c config.WebhookSource) pipeline.Finding {
	const want = "1158201444"
	q := url.Values{"hub.mode": {"subscribe"}, "hub.challenge": {want}, "hub.verify_token": {c.Verify.Challenge.Reveal()}}
	a, err := knock(ctx, http.MethodGet, address+"?"+q.Encode(), nil, nil)
	switch {
	case err != nil:
		return pipeline.Finding{Level: pipeline.Fail, Setting: setting, What: "the door does not answer at " + c.Path + ": " + plainly(err), Fix: "see the log of mekong run"}
	case a.status == http.StatusNotFound:
		return elsewhereRunning(setting, c.Path)
	case a.status != http.StatusOK || string(a.body) != want:
		return pipeline.Finding{Level: pipeline.Fail, Setting: setting, What: fmt.Sprintf("the question with hub.challenge is answered %d: the mekong that is running has another verify.challenge", a.status), Fix: "start it anew with this configuration"}
	}
	return pipeline.Finding{Setting: setting, What: "the door at " + address + " answers the question with hub.challenge"}
}

func elsewhereRunning(setting, path string) pipeline.Finding {
	return pipeline.Finding{Level: pipeline.Fail, Setting: setting, What: "the mekong that is running knows no " + path + ": it runs with another configuration", Fix: "start it anew with this one"}
}

// bot sees whether a bot's app and the chatbot behind it can be reached.
func (e *examination) bot(ctx context.Context, name string, c config.LarkBot) (found []pipeline.Finding) {
	setting := config.Path("sources", name, "larkbot")
	if c.Mode != "websocket" && c.Reply.URL.IsZero() {
		return nil
	}
	client, err := lark.New(lark.Options{Brand: c.Brand, Endpoint: c.Endpoint, AppID: c.AppID, AppSecret: c.AppSecret})
	if err == nil {
		err = client.Authenticate(ctx)
	}
	if err != nil {
		found = append(found, lark.Diagnose(err, lark.Where{Setting: setting, Brand: c.Brand, AppID: c.AppID}))
	} else {
		found = append(found, pipeline.Finding{Setting: setting + ".app_id", What: "the app's credentials are accepted"})
	}
	if c.Reply.URL.IsZero() {
		return found
	}
	bot, err := chatbot.New(name, c.Reply, chatbot.Options{
		Reply: func(context.Context, string, string, string) (string, error) {
			return "", errors.New("nothing is said here")
		},
		Emit: func(context.Context, ...pipeline.Raw) error { return errors.New("nothing is logged here") },
	})
	if err != nil {
		return append(found, pipeline.Finding{Level: pipeline.Fail, Setting: setting + ".reply", What: err.Error(), Fix: "correct the setting that is named"})
	}
	defer func() { _ = bot.Close() }() // nothing was sent
	return append(found, bot.Check(ctx)...)
}

// tail sees whether the files of a chat log are there and can be read, and whether it
// can be written down how far.
func (e *examination) tail(name string, c config.ChatLog) (found []pipeline.Finding) {
	for i, glob := range c.Tail {
		setting := fmt.Sprintf("%s[%d]", config.Path("sources", name, "chatlog", "tail"), i)
		paths, _ := filepath.Glob(glob) // the configuration was checked
		files, why := 0, error(nil)
		for _, path := range paths {
			f, err := os.Open(path)
			if err != nil {
				why = err
				continue
			}
			if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
				files++
			}
			_ = f.Close() // nothing was read
		}
		switch {
		case why != nil:
			found = append(found, pipeline.Finding{Level: pipeline.Fail, Setting: setting, What: "a file that " + glob + " names cannot be read: " + pathless(why), Fix: "let the user Mekong runs as read it"})
		case files == 0:
			found = append(found, pipeline.Finding{Level: pipeline.Warn, Setting: setting, What: "no file is named by " + glob + " yet, looked for from the folder that mekong is started in", Fix: "compare it with where the chatbot writes; a file that comes later is found"})
		default:
			found = append(found, pipeline.Finding{Setting: setting, What: fmt.Sprintf("%s names %d that can be read", glob, files)})
		}
	}
	if len(c.Tail) == 0 {
		return nil
	}
	dir := filepath.Join(e.c.DataDir, "tail")
	switch f, err := os.CreateTemp(dir, ".doctor-*"); {
	case errors.Is(err, fs.ErrNotExist): // made at the first start; whether it can be is told of data_dir
	case err != nil:
		found = append(found, pipeline.Finding{Level: pipeline.Fail, Setting: "data_dir", What: "how far files were read cannot be written down: " + pathless(err), Fix: "let the user Mekong runs as write to the folder tail in data_dir"})
	default:
		_ = f.Close() // it is empty
		_ = os.Remove(f.Name())
	}
	return found
}

// pathless is an error of the file system without the path.
func pathless(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return "unknown"
}

// subject sees whether what is published can be heard.
func (e *examination) subject(ctx context.Context, name, subject string) pipeline.Finding {
	setting := config.Path("sources", name, "chatlog", "subject")
	n := e.c.NATS
	switch {
	case n.URL == "" && n.Listen == "":
		return pipeline.Finding{Level: pipeline.Fail, Setting: setting, What: "nobody can publish on " + subject + ": the NATS in this process takes no connections", Fix: "set nats.listen to a loopback address, such as 127.0.0.1:4222, or nats.url to a server that the chatbot reaches"}
	case n.URL == "":
		return pipeline.Finding{Setting: setting, What: "a chatbot on this machine publishes on " + subject + " at " + n.Listen + ", with nats.token, or else the token that is kept in data_dir"}
	}
	a := &App{config: e.c, log: e.log}
	defer a.Close()
	if err := a.openBus(ctx); err != nil {
		return pipeline.Finding{Level: pipeline.Fail, Setting: setting, What: "NATS cannot be asked about " + subject, Fix: "see what is said of nats.url"}
	}
	switch stream, err := a.Bus.Hears(ctx, subject); {
	case err != nil:
		return pipeline.Finding{Level: pipeline.Fail, Setting: setting, What: "the subject cannot be heard: " + err.Error(), Fix: "give the user of nats.url the permission to subscribe to it, and to make a consumer where a stream holds it"}
	case stream == "":
		return pipeline.Finding{Level: pipeline.Warn, Setting: setting, What: subject + " can be heard; what is published while no mekong runs is lost", Fix: "put a stream over it: nats stream add --subjects '" + subject + "'; or have the chatbot ask for an answer, which is {\"ok\":true} once a turn is stored"}
	default:
		return pipeline.Finding{Setting: setting, What: subject + " is kept by the stream " + stream + ", so that nothing is missed"}
	}
}

// knocked is what came back.
type knocked struct {
	status int
	body   []byte
}

// knock makes one request of the door and reads a little of the answer.
func knock(ctx context.Context, method, address string, header http.Header, body []byte) (knocked, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return knocked{}, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	status, _, answer, err := exchange(req)
	return knocked{status, answer}, err
}
