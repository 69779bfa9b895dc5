package larkbase

import (
	"context"
	"errors"
	"slices"

	"mekong/sinks/lark"
)

// Forget erases the rows of keys from every table they may be in.
func (s *Sink) Forget(ctx context.Context, keys []string) error {
	keys = slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return k == "" || len(k) > maxKey })
	if len(keys) == 0 {
		return nil
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	return s.alone(ctx, func() error { return nil }, func(b *base) error {
		for _, of := range b.family.tables {
			if err := s.forgetIn(ctx, b, of, keys); err != nil {
				return err
			}
		}
		for _, key := range keys {
			delete(s.fresh.rows, key)
			s.seen.drop(key)
		}
		return nil
	})
}

// forgetIn erases the rows of keys from one table.
func (s *Sink) forgetIn(ctx context.Context, b *base, of lark.Table, keys []string) error {
	column := s.conf.KeyColumn
	if t := b.table(of.ID); t != nil {
		column = t.key.field.Name
	}
	var ids []string
	wanted := make(map[string]bool, len(keys))
	for part := range slices.Chunk(keys, lark.MostFiltered) {
		clear(wanted)
		for _, key := range part {
			wanted[key] = true
			// A row written a moment ago may not be shown yet.
			if k, ok := s.fresh.rows[key]; ok && k.table == of.ID && k.id != "" {
				ids = append(ids, k.id)
			}
		}
		found, err := s.rowsOfKeys(ctx, b, of, column, part, wanted)
		if err != nil {
			return err
		}
		ids = append(ids, found...)
	}
	slices.Sort(ids)
	ids = slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return s.fresh.wasErased(id, s.now()) })
	for part := range slices.Chunk(ids, lark.MostDeleted) {
		if err := s.erase(ctx, b, of, part); err != nil {
			return err
		}
	}
	return nil
}

// rowsOfKeys are the ids of all rows of some keys.
func (s *Sink) rowsOfKeys(ctx context.Context, b *base, of lark.Table, column string, keys []string, wanted map[string]bool) (ids []string, err error) {
	q := lark.Query{Filter: lark.AnyOf(column, keys), FieldNames: []string{column}}
	for {
		page, err := s.client.Search(ctx, b.link.AppToken, of.ID, q)
		if err != nil {
			return nil, whole(advise(err))
		}
		for _, rec := range page.Records {
			switch key, ok := lark.Text(rec.Fields[column]); {
			case !ok:
				return nil, held("rows are found and their cells are not shown", `advanced permissions are on: give the app "can manage"`)
			case wanted[key]:
				ids = append(ids, rec.ID)
			}
		}
		if !page.More || page.Next == "" || page.Next == q.PageToken {
			return ids, nil
		}
		q.PageToken = page.Next
	}
}

// erase deletes rows by id. One that is gone already refuses the whole call; then
// each is deleted by itself.
func (s *Sink) erase(ctx context.Context, b *base, of lark.Table, ids []string) error {
	if err := s.still(ctx); err != nil {
		return err
	}
	err := s.client.BatchDelete(ctx, b.link.AppToken, of.ID, ids)
	if lark.ClassOf(err) == lark.Gone && len(ids) > 1 {
		half := len(ids) / 2
		return errors.Join(s.erase(ctx, b, of, ids[:half]), s.erase(ctx, b, of, ids[half:]))
	}
	if err != nil && lark.ClassOf(err) != lark.Gone {
		return whole(advise(err))
	}
	for _, id := range ids {
		s.fresh.erase(id, s.now())
	}
	s.index.erased(len(ids))
	return nil
}
