package main

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/xdg-go/scram"
	"go.mongodb.org/mongo-driver/v2/bson"

	"mekong/sinks/mongodb/local"
)

// mongod is the embedded MongoDB on /data/db, as the official image starts it: behind a
// login whose name and password come from the environment. Of the arguments --replSet is
// understood: see set.
func mongod(ctx context.Context, args []string) error {
	password, err := os.ReadFile(os.Getenv("MONGO_INITDB_ROOT_PASSWORD_FILE"))
	if err != nil {
		return err
	}
	d := &daemon{user: os.Getenv("MONGO_INITDB_ROOT_USERNAME"), password: strings.TrimSpace(string(password)), set: newSet(args)}
	if d.user == "" || d.password == "" {
		return errors.New("without a user and a password this would be open")
	}
	if err := d.begin(ctx); err != nil {
		return err
	}
	defer d.end()
	l, err := net.Listen("tcp", ":27017")
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = l.Close() })
	var open sync.WaitGroup
	defer open.Wait()
	for {
		c, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		open.Go(func() {
			stop := context.AfterFunc(ctx, func() { _ = c.Close() })
			defer stop()
			if err := d.serve(c); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				fmt.Fprintln(os.Stderr, "a connection ended:", err)
			}
		})
	}
}

// daemon answers the login itself and passes everything else on.
type daemon struct {
	user, password string
	set            *set // nil: no member of one
	behind         func() (net.Conn, error)
	end            func()
}

// begin starts the server behind, or finds the one of the primary.
func (d *daemon) begin(ctx context.Context) error {
	if d.set != nil && !d.set.primary() {
		d.behind, d.end = func() (net.Conn, error) { return net.Dial("tcp", d.set.members[0]) }, func() {}
		return nil
	}
	s, err := local.Start(ctx, "/data/db")
	if err != nil {
		return err
	}
	socket, err := url.PathUnescape(strings.TrimSuffix(strings.TrimPrefix(s.URI(), "mongodb://"), "/"))
	d.behind, d.end = func() (net.Conn, error) { return net.Dial("unix", socket) }, func() { _ = s.Close() }
	return err
}

// free may be asked before the login.
var free = map[string]bool{"hello": true, "ismaster": true, "ping": true, "buildinfo": true}

func (d *daemon) serve(c net.Conn) error {
	defer func() { _ = c.Close() }()
	up, err := d.behind()
	if err != nil {
		return err
	}
	defer func() { _ = up.Close() }()
	var login *scram.ServerConversation
	for {
		m, err := readMessage(c)
		if err != nil {
			return err
		}
		var reply []byte
		switch name := strings.ToLower(m.command); {
		case name == "saslstart":
			login = d.login(m.body)
			reply = m.reply(step(login, m.body))
		case name == "saslcontinue":
			reply = m.reply(step(login, m.body))
		case !free[name] && !d.knows(login):
			reply = m.reply(refusal("command requires authentication"))
		case name == "hello" || name == "ismaster":
			doc, err := m.forward(up)
			if err != nil {
				return err
			}
			reply = m.reply(d.set.introduce(doc))
		default:
			if _, err := up.Write(m.whole); err != nil {
				return err
			}
			if reply, err = readFrame(up); err != nil {
				return err
			}
		}
		if _, err := c.Write(reply); err != nil {
			return err
		}
	}
}

// knows reports whether somebody has signed in.
func (*daemon) knows(login *scram.ServerConversation) bool { return login != nil && login.Valid() }

func (d *daemon) login(body bson.Raw) *scram.ServerConversation {
	hash, password := scram.SHA256, d.password
	if body.Lookup("mechanism").StringValue() == "SCRAM-SHA-1" {
		sum := md5.Sum([]byte(d.user + ":mongo:" + d.password))
		hash, password = scram.SHA1, hex.EncodeToString(sum[:])
	}
	client, err := hash.NewClientUnprepped(d.user, password, "")
	if err != nil {
		return nil
	}
	known, err := client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "0123456789abcdef", Iters: 4096})
	if err != nil {
		return nil
	}
	s, err := hash.NewServer(func(user string) (scram.StoredCredentials, error) {
		if user != d.user {
			return scram.StoredCredentials{}, errors.New("nobody of that name")
		}
		return known, nil
	})
	if err != nil {
		return nil
	}
	return s.NewConversation()
}

func step(login *scram.ServerConversation, body bson.Raw) bson.D {
	if login == nil {
		return refusal("Authentication failed.")
	}
	_, payload := body.Lookup("payload").Binary()
	text := ""
	if !login.Done() { // else the client only says that it has understood
		var err error
		if text, err = login.Step(string(payload)); err != nil {
			return refusal("Authentication failed.")
		}
	}
	return bson.D{{Key: "conversationId", Value: int32(1)}, {Key: "done", Value: login.Done()}, {Key: "payload", Value: []byte(text)}, {Key: "ok", Value: 1.0}}
}

func refusal(why string) bson.D {
	return bson.D{{Key: "ok", Value: 0.0}, {Key: "errmsg", Value: why}, {Key: "code", Value: int32(13)}, {Key: "codeName", Value: "Unauthorized"}}
}
