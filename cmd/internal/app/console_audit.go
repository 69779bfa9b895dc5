package app

import (
	"fmt"
	"os"
	osuser "os/user"
	"path/filepath"
	"time"

	"mekong/config"
	"mekong/pipeline/console"
)

// auditFile is where it is written down who did what, by the console and by commands.
const auditFile = "audit.jsonl"

// NoteAct writes down what whoever runs this process did by a command: what as the
// console's activity page has words for it, on a sink, a source or a mark, to how many.
func NoteAct(c *config.Config, what, on string, count int, reason string) error {
	a, err := openActs(c)
	if err != nil {
		return err
	}
	return a.note(what, on, count, reason)
}

// acts writes down what one person does by commands. Nil writes nothing: whoever uses an
// operator without one does it otherwise.
type acts struct {
	audit *console.Audit
	who   string
}

// openActs fails where nothing can be written down, so that it is known before anything
// is done.
func openActs(c *config.Config) (*acts, error) {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	audit, err := console.OpenAudit(filepath.Join(c.DataDir, auditFile))
	if err != nil {
		return nil, err
	}
	return &acts{audit, "cli:" + osUser()}, nil
}

func (a *acts) note(what, on string, count int, reason string) error {
	if a == nil {
		return nil
	}
	return a.audit.Add(console.Entry{At: time.Now(), Who: a.who, What: what, On: on, Count: count, Reason: reason})
}

// osUser is who runs this process, and for whom where that is told.
func osUser() string {
	name := fmt.Sprint("uid ", os.Getuid())
	if u, err := osuser.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	if by := os.Getenv("SUDO_USER"); by != "" && by != name {
		name += " (" + by + ")"
	}
	return name
}
