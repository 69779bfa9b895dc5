package larksim

import (
	"strconv"
	"strings"
)

// reading turns cells into what search and batch_get answer (`lark.md` §3.3).
type reading struct {
	s      *Sim
	table  *table
	idKind string
	old    bool // the shapes of the deprecated list and get
	arrays bool // of those: text_field_as_array
}

// cell is the read value of a cell, and nil for an empty one.
func (rd *reading) cell(f *field, r *row) any {
	switch f.kind {
	case CreatedTime:
		return r.created.UnixMilli()
	case ModifiedTime:
		return r.modified.UnixMilli()
	case CreatedUser:
		return []any{rd.person(r.by)}
	case ModifiedUser:
		return []any{rd.person(r.last)}
	case AutoNumber:
		return strconv.Itoa(r.number)
	}
	v, ok := r.cells[f.id]
	if !ok {
		return nil
	}
	switch f.kind {
	case Text:
		return rd.text(f, v.(string))
	case Number:
		if rd.old {
			return strconv.FormatFloat(v.(float64), 'f', -1, 64)
		}
		return v
	case SingleSelect:
		if name, ok := f.optionName(v.(string)); ok {
			return name
		}
		return nil
	case MultiSelect:
		names := f.names(v.([]string))
		if len(names) == 0 {
			return nil
		}
		return names
	case Person:
		people := []any{}
		for _, id := range v.([]string) {
			people = append(people, rd.person(id))
		}
		return people
	case SingleLink, DuplexLink:
		return rd.links(f, v.([]string))
	case Attachment:
		return rd.files(v.([]string))
	case Location:
		return map[string]any{"location": v, "pname": "", "cityname": "", "adname": "", "address": "", "name": "", "full_address": v}
	case GroupChat:
		groups := []any{}
		for _, id := range v.([]string) {
			groups = append(groups, map[string]any{"id": id, "name": "", "avatar_url": ""})
		}
		return groups
	case Formula, Lookup:
		return map[string]any{"type": Text, "value": []any{segment(v.(string))}}
	}
	return v
}

func segment(text string) map[string]any { return map[string]any{"text": text, "type": "text"} }

func (rd *reading) text(f *field, v string) any {
	switch {
	case rd.old && !rd.arrays:
		return v
	case f.ui == "Email":
		return []any{map[string]any{"link": "mailto:" + v, "text": v, "type": "url"}}
	default:
		return []any{segment(v)}
	}
}

// person is a user, or the app itself as the author of a row.
func (rd *reading) person(id string) map[string]any {
	if u := rd.s.user(id, "open_id"); u != nil {
		return map[string]any{"id": u.id(rd.idKind), "name": u.Name, "en_name": u.Name, "email": u.Email, "avatar_url": ""}
	}
	name := id
	if a := rd.s.apps[id]; a != nil && a.Name != "" {
		name = a.Name
	}
	return map[string]any{"id": id, "name": name, "en_name": name, "email": "", "avatar_url": ""}
}

func (rd *reading) links(f *field, ids []string) any {
	if !rd.old {
		return map[string]any{"link_record_ids": ids}
	}
	to, _ := f.property["table_id"].(string)
	texts := []string{}
	for _, id := range ids {
		texts = append(texts, rd.title(rd.table.base.table(to), id))
	}
	return []any{map[string]any{"record_ids": ids, "table_id": to, "text": strings.Join(texts, ","), "text_arr": texts, "type": "text"}}
}

// title is the text of a record's primary cell.
func (rd *reading) title(t *table, id string) string {
	if t == nil || t.byID[id] == nil || len(t.fields) == 0 {
		return ""
	}
	return plain(rd.s, t.fields[0], t.byID[id])
}

func (rd *reading) files(tokens []string) any {
	out := []any{}
	for _, t := range tokens {
		f := rd.s.files[t]
		url := "https://open." + domain(rd.s.opts.Brand) + "/open-apis/drive/v1/medias/" + t + "/download"
		out = append(out, map[string]any{"file_token": t, "name": f.name, "type": f.kind, "size": f.size, "url": url,
			"tmp_url": "https://open." + domain(rd.s.opts.Brand) + "/open-apis/drive/v1/medias/batch_get_tmp_download_url?file_tokens=" + t})
	}
	return out
}

func (f *field) names(ids []string) []string {
	names := make([]string, 0, len(ids))
	for _, id := range ids {
		if name, ok := f.optionName(id); ok {
			names = append(names, name)
		}
	}
	return names
}

// item is a record as it is read.
type item struct {
	Fields     map[string]any `json:"fields"`
	ID         string         `json:"id,omitempty"`
	RecordID   string         `json:"record_id"`
	CreatedBy  map[string]any `json:"created_by,omitempty"`
	Created    int64          `json:"created_time,omitempty"`
	ModifiedBy map[string]any `json:"last_modified_by,omitempty"`
	Modified   int64          `json:"last_modified_time,omitempty"`
	SharedURL  string         `json:"shared_url,omitempty"`
}

// item reads the given fields of a record.
func (rd *reading) item(r *row, fields []*field, automatic bool) item {
	out := item{RecordID: r.id, Fields: make(map[string]any, len(fields))}
	if rd.old {
		out.ID = r.id
	}
	for _, f := range fields {
		if v := rd.cell(f, r); v != nil {
			out.Fields[f.name] = v
		}
	}
	if automatic {
		out.CreatedBy, out.Created = rd.person(r.by), r.created.UnixMilli()
		out.ModifiedBy, out.Modified = rd.person(r.last), r.modified.UnixMilli()
	}
	return out
}

// plain is a cell as one line of text, for titles, filters by text and the page.
func plain(s *Sim, f *field, r *row) string {
	rd := reading{s: s, table: &table{base: &base{}}, idKind: "open_id", old: true}
	switch v := rd.cell(f, r).(type) {
	case nil:
		return ""
	case string:
		return v
	case []string:
		return strings.Join(v, ", ")
	case Link:
		return v.Text
	case int64:
		return strconv.FormatInt(v, 10)
	case bool:
		return strconv.FormatBool(v)
	case []any:
		var parts []string
		for _, p := range v {
			if m, ok := p.(map[string]any); ok {
				for _, k := range []string{"name", "text", "id"} {
					if t, _ := m[k].(string); t != "" {
						parts = append(parts, t)
						break
					}
				}
			}
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		t, _ := v["full_address"].(string)
		return t
	}
	return ""
}
