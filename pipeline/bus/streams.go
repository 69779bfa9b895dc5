package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	streamRaw     = "RAW"
	streamRecords = "RECORDS"
	streamBuried  = "BURIED"
	streamTrace   = "TRACE"
	streamRefused = "REFUSED"
)

// owner marks a stream as ours, so that nothing else's is ever touched. atEdge marks
// those of an edge: what they hold was passed on or is yet to be, and must not be
// taken for what is to be worked on here, nor the other way round.
const (
	owner  = "mekong"
	atEdge = "mekong-edge"
)

// streams is what should exist. Shares of the space: what was accepted comes
// first; TRACE and REFUSED drop their oldest, the others refuse the newest.
func (b *Bus) streams() []jetstream.StreamConfig {
	total := b.opts.MaxBytes
	if total == 0 {
		total = 10 << 30
		if b.volume != nil {
			total = b.volume.share()
		}
	}
	// A server of a cluster that is started again takes a stream back to its last
	// snapshot, and nats-server 2.15.2 does so by cutting the file: where the file was
	// compressed meanwhile, what is left of it cannot be read. Killed together, the servers
	// lose what was confirmed. See TestGatewayCluster.
	compression := jetstream.S2Compression
	if b.opts.Replicas > 1 {
		compression = jetstream.NoCompression
	}
	base := func(name string, percent int64, subjects ...string) jetstream.StreamConfig {
		return jetstream.StreamConfig{
			Name:               name,
			Subjects:           subjects,
			Retention:          jetstream.LimitsPolicy,
			Storage:            jetstream.FileStorage,
			Compression:        compression,
			Discard:            jetstream.DiscardNew,
			MaxBytes:           total / 100 * percent,
			MaxMsgs:            -1,
			MaxMsgsPerSubject:  -1,
			MaxMsgSize:         -1,
			MaxConsumers:       -1,
			Replicas:           b.opts.Replicas,
			Duplicates:         duplicates,
			AllowDirect:        true,
			AllowAtomicPublish: true,
			Metadata:           map[string]string{"owner": owner},
		}
	}
	raw := base(streamRaw, 42, "raw.>")
	records := base(streamRecords, 42, "rec.>", "redo.>")
	buried := base(streamBuried, 6, "buried.>")
	trace := base(streamTrace, 6, "trace.>")
	refused := base(streamRefused, 4, "refused.>")
	trace.Discard, refused.Discard = jetstream.DiscardOld, jetstream.DiscardOld
	trace.Duplicates, refused.Duplicates = 2*time.Minute, 2*time.Minute
	refused.MaxAge = b.opts.Keep // nobody accepted these
	if b.opts.Edge {
		raw.MaxBytes, refused.MaxAge = total/100*96, 0
		raw.Metadata[atEdge], refused.Metadata[atEdge] = "yes", "yes"
		return []jetstream.StreamConfig{raw, refused}
	}
	return []jetstream.StreamConfig{raw, records, buried, trace, refused}
}

func (b *Bus) reconcile(ctx context.Context) error {
	for _, want := range b.streams() {
		if err := b.reconcileStream(ctx, want); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bus) reconcileStream(ctx context.Context, want jetstream.StreamConfig) error {
	s, err := b.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if _, err := b.js.CreateStream(ctx, want); err != nil {
			return fmt.Errorf("stream %s cannot be made: %w", want.Name, err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("stream %s: %w", want.Name, err)
	}
	have := s.CachedInfo().Config
	if have.Metadata["owner"] != owner {
		return fmt.Errorf("a stream named %s with subjects %s is there already and is not Mekong's; nothing was changed. Give Mekong its own NATS account, or rename that stream",
			want.Name, strings.Join(have.Subjects, ", "))
	}
	switch here, there := want.Metadata[atEdge], have.Metadata[atEdge]; {
	case here != "" && there == "":
		return errors.New("data_dir is that of a Mekong which worked by itself, and what it holds would be worked on once more by the cluster; nothing was changed. Give the gateway a data_dir of its own, and move the other with mekong backup and mekong restore")
	case here == "" && there != "":
		return errors.New("data_dir is that of a gateway, and what it holds was passed on to the cluster or waits for it; nothing was changed. Set nats.url and nats.gateway again until nothing waits, or name another data_dir")
	}
	for _, fixed := range []struct {
		what       string
		have, want any
	}{
		{"storage", have.Storage, want.Storage},
		{"retention", have.Retention, want.Retention},
		{"persist mode", have.PersistMode, want.PersistMode},
	} {
		if fixed.have != fixed.want {
			return fmt.Errorf("stream %s has %s %v and Mekong needs %v; nothing was changed. Back it up with `nats stream backup`, delete it, and start again",
				want.Name, fixed.what, fixed.have, fixed.want)
		}
	}
	// What is not ours to say, or does no harm, stays as it is.
	if b.opts.Replicas == 1 {
		want.Compression = have.Compression
	}
	want.Placement = have.Placement
	if same(have, want) {
		return nil
	}
	if _, err := b.js.UpdateStream(ctx, want); err != nil {
		return fmt.Errorf("stream %s cannot be brought to the configuration: %w", want.Name, err)
	}
	b.log.Info("stream changed to the configuration", "stream", want.Name)
	return nil
}

func same(a, b jetstream.StreamConfig) bool {
	return slices.Equal(a.Subjects, b.Subjects) && a.Compression == b.Compression && a.Discard == b.Discard && a.MaxBytes == b.MaxBytes &&
		a.MaxAge == b.MaxAge && a.MaxMsgs == b.MaxMsgs && a.MaxMsgsPerSubject == b.MaxMsgsPerSubject &&
		a.MaxMsgSize == b.MaxMsgSize && a.MaxConsumers == b.MaxConsumers && a.Replicas == b.Replicas &&
		a.Duplicates == b.Duplicates && a.AllowDirect == b.AllowDirect && a.AllowAtomicPublish == b.AllowAtomicPublish
}
