package larkbase

import (
	"context"
	"crypto/rand"
	"fmt"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sinks/lark"
)

// Prove writes one marked row and removes it again, and says how that went. Unlike
// [Sink.Check] it makes the sink's own columns where they are not there, and spends
// two calls that write. A row that could not be removed is told with its address.
func (s *Sink) Prove(ctx context.Context) []pipeline.Finding {
	where := lark.Where{Setting: config.Path("sinks", s.name, "larkbase"), Brand: s.client.Brand(), AppID: s.conf.AppID, Link: s.link0, Login: "mekong login lark " + s.name}
	var found []pipeline.Finding
	err := s.alone(ctx, func() error { return nil }, func(b *base) error {
		where.Link = s.link
		t := b.tables[0]
		key := "mekong-doctor-" + s.now().UTC().Format("20060102T150405.000")
		made, err := s.client.BatchCreate(ctx, b.link.AppToken, t.id, t.key.field.Name, []lark.Row{{Fields: map[string]any{t.key.field.Name: key}}},
			lark.WriteOptions{ClientToken: lark.UUIDv4("prove", b.link.AppToken, t.id, key, rand.Text())})
		if err != nil {
			f := lark.Diagnose(err, where)
			f.What = "a row could not be written: " + f.What
			if lark.IsAmbiguous(err) {
				f.What += fmt.Sprintf(". If it was written after all, it has %s %q", t.key.field.Name, key)
			}
			found = append(found, f)
			return nil
		}
		id := idsOf(made, []string{key})[0]
		if err := s.client.BatchDelete(ctx, b.link.AppToken, t.id, []string{id}); err != nil {
			f := lark.Diagnose(err, where)
			f.Level = pipeline.Warn
			f.What = "a row was written, and could not be removed: " + f.What
			f.Fix += "; then delete the row by hand: " + s.ref(t, id)
			found = append(found, f)
			return nil
		}
		s.fresh.erase(id, s.now())
		found = append(found, pipeline.Finding{Level: pipeline.OK, Setting: s.setting("url"), What: "a row was written and removed again"})
		return nil
	})
	if err != nil {
		found = append(found, lark.Diagnose(err, where))
	}
	return found
}
