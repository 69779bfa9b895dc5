package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Durability is what "stored" means on the server in use.
type Durability struct {
	Disks  int  // copies made before an answer
	Synced bool // each is flushed to the disk itself before an answer
	Known  bool // Synced was verified, not assumed
}

// Durability says what a sender's 200 is worth.
func (b *Bus) Durability() Durability { return b.facts }

// String is the sentence that start-up and console show.
func (d Durability) String() string {
	where := "1 disk"
	if d.Disks > 1 {
		where = fmt.Sprintf("%d of %d disks", d.Disks/2+1, d.Disks)
	}
	switch {
	case d.Synced:
		return "each lead: fsync'd on " + where
	case d.Known:
		return "each lead: written on " + where + ", NOT fsync'd: a power cut can lose the last minutes; set sync_interval: always on the NATS server"
	default:
		return "each lead: written on " + where + "; whether it is fsync'd could not be verified: set nats.monitor, and sync_interval: always on the NATS server"
	}
}

// durability asks the server's monitoring port for the setting, which an
// ordinary account cannot see. Learning nothing is not the same as bad news.
func (b *Bus) durability(ctx context.Context) Durability {
	d := Durability{Disks: b.opts.Replicas}
	if b.opts.Server != nil {
		d.Synced, d.Known = true, true
		return d
	}
	if b.opts.Monitor == "" {
		return d
	}
	always, err := syncAlways(ctx, b.opts.Monitor)
	if err != nil {
		b.log.Warn("whether NATS flushes every write could not be verified", "error", err)
		return d
	}
	d.Synced, d.Known = always, true
	return d
}

// syncAlways reads /varz of a monitoring port.
func syncAlways(ctx context.Context, base string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(base, "/")+"/varz", nil)
	if err != nil {
		return false, fmt.Errorf("nats.monitor: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false, fmt.Errorf("nats.monitor: %w", err)
	}
	defer resp.Body.Close()
	var v struct {
		JetStream struct {
			Config *struct {
				SyncAlways bool `json:"sync_always"`
			} `json:"config"`
		} `json:"jetstream"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&v); err != nil || resp.StatusCode != http.StatusOK {
		return false, fmt.Errorf("nats.monitor: what answers (%s) is no NATS monitoring port", resp.Status)
	}
	if v.JetStream.Config == nil {
		return false, errors.New("nats.monitor: the server there has no JetStream")
	}
	return v.JetStream.Config.SyncAlways, nil
}
