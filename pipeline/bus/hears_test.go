package bus

import (
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// What may be listened to is known before anybody does.
func TestHears(t *testing.T) {
	s := external(t, func(o *server.Options) {
		o.Users = []*server.User{{Username: "mekong", Password: "p", Permissions: &server.Permissions{
			Subscribe: &server.SubjectPermission{Deny: []string{"closed.>"}},
		}}}
	})
	b, err := Open(t.Context(), Options{URL: strings.Replace(s.ClientURL(), "nats://", "nats://mekong:p@", 1), MaxBytes: 256 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := b.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "CHATS", Subjects: []string{"kept.>"}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		subject, stream string
		want            error
	}{
		{"open.turns", "", nil},
		{"kept.turns", "CHATS", nil},
		{"raw.x", "", errOurs},
		{"closed.turns", "", nats.ErrPermissionViolation},
	} {
		stream, err := b.Hears(t.Context(), c.subject)
		if stream != c.stream || !errors.Is(err, c.want) {
			t.Errorf("%s: %q, %v", c.subject, stream, err)
		}
	}
}
