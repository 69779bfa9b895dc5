package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The files of secrets.
const (
	fileLanding = "landing.token"
	fileChat    = "chat.token"
	fileWebhook = "webhook.token"
	fileVerify  = "lark-verification.token"
	fileEncrypt = "lark-encrypt.key"
	fileLarkApp = "lark-app.secret"
	fileMongoDB = "mongodb.uri"
)

func secretPath(name string) string { return secretsFolder + "/" + name }

// tokens are the files of what senders have to show, by the kind of source.
var tokens = map[string]string{"ladipage": fileLanding, "chatbot": fileChat, "webhook": fileWebhook}

// keepSecrets makes what is to be made and puts all of it into the folder of init's
// own, with what an earlier configuration has left: pages know those tokens.
func (r *initRun) keepSecrets() error {
	for _, s := range r.o.sources {
		if name := tokens[s]; name != "" {
			r.secrets[name] = madeSecret()
		}
	}
	for _, l := range r.links {
		if l.kind == linkLark {
			r.secrets[fileLarkApp] = os.Getenv("LARK_APP_SECRET")
		}
		if l.kind == linkScript {
			r.secrets["sheet.secret"] = os.Getenv("SHEET_SECRET")
		}
	}
	for name, value := range r.secrets {
		old, err := readSecret(r.final(secretPath(name)))
		if err != nil {
			return err
		}
		if made := slices.Contains([]string{fileLanding, fileChat, fileWebhook}, name); old != "" && (made || value == "") {
			value = old
		} else if old != "" && old != value {
			return usagef("%s holds another secret; move it away first", r.final(secretPath(name)))
		}
		if r.secrets[name] = value; value == "" {
			delete(r.secrets, name)
			continue
		}
		if err := writeSecret(filepath.Join(r.stage, secretPath(name)), value); err != nil {
			return err
		}
	}
	return nil
}

// final is where a file of the configuration's folder will be.
func (r *initRun) final(name string) string { return filepath.Join(filepath.Dir(r.config), name) }

// commit puts everything in its place, the configuration last and whole. What cannot be
// finished is taken back.
func (r *initRun) commit() (err error) {
	var made []string
	defer func() {
		if err != nil {
			for _, path := range slices.Backward(made) {
				_ = os.Remove(path) // as it was before
			}
		}
	}()
	folder := r.final(secretsFolder)
	if os.Mkdir(folder, 0o700) == nil {
		made = append(made, folder)
	}
	entries, err := os.ReadDir(filepath.Join(r.stage, secretsFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(folder, e.Name())
		if old, err := readSecret(path); err != nil {
			return err
		} else if old != "" {
			continue // it was taken over
		}
		value, err := readSecret(filepath.Join(r.stage, secretPath(e.Name())))
		if err != nil {
			return err
		}
		if err := writeSecret(path, value); err != nil {
			return err
		}
		made = append(made, path)
	}
	staged := filepath.Join(r.stage, "mekong.yaml")
	// A link takes the place of no other file, and a rename would.
	switch err := os.Link(staged, r.config); {
	case errors.Is(err, fs.ErrExist):
		return usagef(r.say("there"), r.config)
	case err != nil: // a file system without them
		text, err := os.ReadFile(staged)
		if err != nil {
			return err
		}
		if err := writeWhole(r.config, text); err != nil {
			return err
		}
	}
	fmt.Fprintf(r.out, "\n"+r.say("written"), r.config, folder+string(filepath.Separator))
	return nil
}

// writeWhole makes a file where there is none, or leaves none.
func writeWhole(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(path)
	}
	return err
}

// addresses finds ports that nobody has, where no flag names one.
func (r *initRun) addresses() error {
	for _, a := range []struct {
		flag  *string
		first int
	}{{&r.o.intake, 8080}, {&r.o.console, 8081}} {
		if *a.flag != "" {
			continue
		}
		usual := "127.0.0.1:" + strconv.Itoa(a.first)
		*a.flag = usual
		for port := a.first; !free(*a.flag) && port < a.first+2000; {
			port += 100
			*a.flag = "127.0.0.1:" + strconv.Itoa(port)
		}
		if *a.flag != usual {
			fmt.Fprintf(r.out, r.say("taken"), usual, *a.flag)
		}
	}
	return nil
}

func free(address string) bool {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// dataDir is the folder data beside the configuration, also when Mekong is started
// elsewhere.
func (r *initRun) dataDir() string {
	dir := filepath.Dir(r.config)
	if dir == "." {
		return "./data"
	}
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return strings.TrimRight(dir, string(filepath.Separator)) + string(filepath.Separator) + "data"
}
