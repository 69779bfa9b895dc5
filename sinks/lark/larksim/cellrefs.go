package larksim

import "encoding/json"

// options finds the ids of options by name, and makes those that are missing. An
// unknown name twice in one cell makes two options of that name (`lark.md` §3.2).
func (w *convert) options(f *field, names []string) ([]string, int) {
	ids := make([]string, 0, len(names))
	before := len(w.fresh[f])
	for _, name := range names {
		if name == "" {
			continue
		}
		id, ok := f.byName[name]
		if !ok {
			for _, o := range w.fresh[f][:before] {
				if o.Name == name {
					id, ok = o.ID, true
					break
				}
			}
		}
		if !ok {
			if f.fixed || len(f.options)+len(w.fresh[f]) >= maxOptions {
				return nil, kinds[f.kind].code
			}
			id = w.s.id("opt", 7)
			if w.fresh == nil {
				w.fresh = map[*field][]option{}
			}
			w.fresh[f] = append(w.fresh[f], option{ID: id, Name: name})
		}
		ids = append(ids, id)
	}
	return ids, 0
}

// commit adds the options that the converted values made.
func (w *convert) commit() {
	for f, fresh := range w.fresh {
		for _, o := range fresh {
			f.option(o.ID, o.Name)
		}
	}
	w.fresh = nil
}

// people are kept by open id.
func (w *convert) people(raw json.RawMessage, code int) ([]string, int) {
	ids, ok := idList(raw, "id")
	if !ok {
		return nil, code
	}
	if len(ids) > maxPeople {
		return nil, 1254130
	}
	for i, id := range ids {
		u := w.s.user(id, w.idKind)
		if u == nil || u.Foreign {
			return nil, code
		}
		ids[i] = u.OpenID
	}
	return ids, 0
}

// attachments must have been uploaded to this Base (§3.1).
func (w *convert) attachments(raw json.RawMessage, code int) ([]string, int) {
	tokens, ok := idList(raw, "file_token")
	if !ok {
		return nil, code
	}
	if len(tokens) > maxAttachments {
		return nil, 1254106
	}
	for _, t := range tokens {
		if w.s.files[t].base != w.table.base.token {
			return nil, 1254303
		}
	}
	return tokens, 0
}

// links must name records of the linked table, where the field says which it is.
func (w *convert) links(f *field, raw json.RawMessage, code int) ([]string, int) {
	ids, ok := list(raw)
	if !ok {
		return nil, code
	}
	if len(ids) > maxLinks {
		return nil, 1254130
	}
	to, _ := f.property["table_id"].(string)
	other := w.table.base.table(to)
	for _, id := range ids {
		if !plausible(id, "rec") || other != nil && other.byID[id] == nil {
			return nil, code
		}
	}
	return ids, 0
}
