package bus

import (
	"context"
	"encoding/json"
	"fmt"
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
		return "each lead: written on " + where + "; whether it is fsync'd could not be verified: give Mekong a system account, or make sure of sync_interval: always on the NATS server"
	}
}

// durability asks the server for the setting. Only a system account may; others
// learn nothing, which is not the same as bad news.
func (b *Bus) durability(ctx context.Context) Durability {
	d := Durability{Disks: b.opts.Replicas}
	if b.opts.Server != nil {
		d.Synced, d.Known = true, true
		return d
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	m, err := b.nc.RequestWithContext(ctx, "$SYS.REQ.SERVER.PING.VARZ", nil)
	if err != nil {
		return d
	}
	var v struct {
		Data struct {
			JetStream struct {
				Config *jetstreamConfig `json:"config"`
			} `json:"jetstream"`
		} `json:"data"`
	}
	if json.Unmarshal(m.Data, &v) != nil || v.Data.JetStream.Config == nil {
		return d
	}
	d.Synced, d.Known = v.Data.JetStream.Config.SyncAlways, true
	return d
}

type jetstreamConfig struct {
	SyncAlways bool `json:"sync_always"`
}
