package google

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"runtime"

	"mekong/config"
)

// place is where an account's credentials are.
type place struct {
	file string
	json config.Secret
}

// origin is a place with what there was in it.
type origin struct {
	where string // for an operator: a path, or what else it is
	cred  *credential
	// machine says that there is no file at all, and the machine itself has to
	// offer an account, as it does inside Google Cloud.
	machine bool
}

// look reads the credentials as they are now: a key that was replaced needs no
// restart. Without a file and without its content it looks where Google's own
// libraries do, in their order (`sinks.md` A6), but takes only what they would take
// for a program.
func (p place) look() (origin, error) {
	if !p.json.IsZero() {
		cred, err := parse([]byte(p.json.Reveal()))
		return origin{where: "credentials_json", cred: cred}, settle(err, "credentials_json")
	}
	if p.file != "" {
		o, err := readCredential(p.file)
		return o, settle(err, "credentials")
	}
	if file := os.Getenv("GOOGLE_APPLICATION_CREDENTIALS"); file != "" {
		o, err := readCredential(file)
		return o, settle(err, "")
	}
	if file := gcloudFile(); file != "" {
		o, err := readCredential(file)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return o, settle(err, "")
		}
	}
	return origin{where: "what this machine offers", machine: true}, nil
}

// settle points an error to the setting that named the file.
func settle(err error, setting string) error {
	if e := As(err); e != nil {
		e.Setting = setting
	}
	return err
}

// gcloudFile is where gcloud keeps what it calls application default credentials.
func gcloudFile() string {
	base := os.Getenv("APPDATA")
	if runtime.GOOS != "windows" {
		home := os.Getenv("HOME")
		if u, err := user.Current(); home == "" && err == nil {
			home = u.HomeDir
		}
		if home == "" {
			return ""
		}
		base = filepath.Join(home, ".config")
	}
	if base == "" {
		return ""
	}
	return filepath.Join(base, "gcloud", "application_default_credentials.json")
}

// readCredential reads a file. Of a large one, such as a device, it reads a little.
func readCredential(path string) (origin, error) {
	o := origin{where: path}
	f, err := os.Open(path)
	if err != nil {
		return o, unread(path, err)
	}
	defer func() { _ = f.Close() }() // it was only read
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return o, misfit("the credentials file "+path+" is a folder", "name the file in it; with containers this happens when the file was not there to be mounted")
	}
	text, err := io.ReadAll(io.LimitReader(f, credentialLimit+1))
	if err != nil {
		return o, unread(path, err)
	}
	o.cred, err = parse(text)
	return o, err
}

// unread is for a file that cannot be read. It keeps what the system said, which is
// the path and the reason.
func unread(path string, err error) error {
	e := misfit("the credentials file "+path+" cannot be read", "see that it is there and that the user mekong runs as may read it")
	e.cause = err
	var p *fs.PathError
	if errors.As(err, &p) {
		e.Msg += ": " + reasonOf(p)
	}
	return e
}
