package app

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// rights are what deployments/SECURITY.md says that Mekong's user of a NATS server
// needs, and no more.
var rights = natsserver.Permissions{
	Publish: &natsserver.SubjectPermission{Allow: []string{
		"raw.>", "rec.>", "redo.>", "buried.>", "trace.>", "refused.>", "$KV.>", "$JS.API.>", "$JS.ACK.>", "$JS.FC.>", "$JS.SNAPSHOT.>",
	}},
	Subscribe: &natsserver.SubjectPermission{Allow: []string{"_INBOX.>"}},
}

// With the rights that the documentation names everything works on a server that
// refuses whatever else is tried: deliveries, tables, the index and a backup.
func TestRightsOnANATSServer(t *testing.T) {
	s, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, SyncAlways: true, JetStreamMaxStore: 20 << 30, JetStreamMaxMemory: 64 << 20,
		NoAuthUser: "mekong", // who shows nothing is this user; a real one has a file of credentials
		Users:      []*natsserver.User{{Username: "mekong", Password: secretPassword, Permissions: &rights}},
	})
	if err != nil {
		t.Fatal(err)
	}
	refusals := &refusing{}
	s.SetLoggerV2(refusals, false, false, false)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server does not start")
	}
	c := configured(t, t.TempDir(), strings.Replace(oneSink, "nats: { reserve: 1 }", `nats: { url: "`+s.ClientURL()+`", max_bytes: 1GiB }`, 1))
	r := start(t, c, Options{})
	if got := r.post("application/x-www-form-urlencoded", []byte(person(1, ""))); got.status != http.StatusOK {
		t.Fatalf("answered %d: %s", got.status, got.text)
	}
	r.settled("archive")
	rs, done, err := OpenReceipts(t.Context(), c, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if found, _, err := rs.Find(t.Context(), "0900001234", 1); err != nil || len(found) != 1 {
		t.Errorf("%d are found: %v", len(found), err)
	}
	done()
	store, done, err := OpenTokens(t.Context(), c, nil)
	if err != nil || store == nil {
		t.Fatal(err)
	}
	done()
	if m, err := Backup(t.Context(), c, filepath.Join(t.TempDir(), "backup"), nil); err != nil {
		t.Errorf("a backup of %+v: %v", m, err)
	}
	r.stop()
	refusals.mu.Lock()
	defer refusals.mu.Unlock()
	for _, line := range refusals.lines {
		if strings.Contains(line, "Violation") {
			t.Errorf("the server says: %s", line)
		}
	}
}

// refusing keeps what a server complains of.
type refusing struct {
	mu    sync.Mutex
	lines []string
}

func (r *refusing) say(format string, v ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf(format, v...))
}

func (r *refusing) Noticef(string, ...any)         {}
func (r *refusing) Debugf(string, ...any)          {}
func (r *refusing) Tracef(string, ...any)          {}
func (r *refusing) Warnf(format string, v ...any)  { r.say(format, v...) }
func (r *refusing) Errorf(format string, v ...any) { r.say(format, v...) }
func (r *refusing) Fatalf(format string, v ...any) { r.say(format, v...) }
