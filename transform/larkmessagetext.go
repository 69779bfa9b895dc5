package transform

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// maxWalk bounds how deep a card or post is looked into.
const maxWalk = 24

// mentions are the names behind the keys in a message's text.
type mentions []mention

type mention struct{ key, id, name string }

func mentioned(v gjson.Result) mentions {
	var out mentions
	v.ForEach(func(_, m gjson.Result) bool {
		out = append(out, mention{m.Get("key").String(), m.Get("id.open_id").String(), cleanLine(m.Get("name").String())})
		return len(out) < 200
	})
	// @_user_10 begins with @_user_1.
	slices.SortStableFunc(out, func(a, b mention) int { return cmp.Compare(len(b.key), len(a.key)) })
	return out
}

// list is the names, in the order of the keys.
func (ms mentions) list() []string {
	byKey := slices.Clone(ms)
	slices.SortStableFunc(byKey, func(a, b mention) int { return cmp.Or(cmp.Compare(len(a.key), len(b.key)), cmp.Compare(a.key, b.key)) })
	var out []string
	for _, m := range byKey {
		if m.name != "" {
			out = append(out, m.name)
		}
	}
	return out
}

// fill puts names in the place of keys.
func (ms mentions) fill(text string) string {
	if !strings.Contains(text, "@_") {
		return text
	}
	pairs := make([]string, 0, 2*len(ms)+2)
	for _, m := range ms {
		if m.key != "" && m.name != "" {
			pairs = append(pairs, m.key, "@"+m.name)
		}
	}
	return strings.NewReplacer(append(pairs, "@_all", "@all")...).Replace(text)
}

// content reads a message's content, which is JSON in a text (`lark.md` §6.5). Its
// keys and names become fields; what cannot be shown as text is said in brackets.
func (d *larkDraft) content(kind, content string, names mentions) {
	var c gjson.Result
	if gjson.Valid(content) {
		c = gjson.Parse(content)
	}
	if kind != "text" || !c.IsObject() {
		kept, cut := bounded(content, maxBody)
		if cut {
			d.flags = append(d.flags, "content_cut")
		}
		d.set("content", kept)
	}
	for _, name := range [...]string{"image_key", "file_key", "file_name"} {
		d.set(name, c.Get(name).String())
	}
	if ms := c.Get("duration"); ms.Exists() {
		d.set("duration", ms.String())
	}
	d.text(names.fill(larkText(kind, c, names)))
	if !c.IsObject() {
		d.flags = append(d.flags, "content_not_understood")
	}
}

// larkText is what one would read of a content.
func larkText(kind string, c gjson.Result, names mentions) string {
	note := func(what string, more ...string) string {
		return strings.TrimSpace("[" + what + "] " + strings.Join(filled(more), " "))
	}
	get := func(path string) string { return c.Get(path).String() }
	switch kind {
	case "text":
		return get("text")
	case "post":
		return postText(c, names)
	case "interactive":
		if text := cardText(c, names); text != "" {
			return text
		}
		return note("card")
	case "image", "sticker", "folder":
		return note(kind, get("file_name"))
	case "file":
		return note(kind, get("file_name"))
	case "audio":
		return note(kind, seconds(c.Get("duration").Float()))
	case "media":
		return note("video", get("file_name"), seconds(c.Get("duration").Float()))
	case "location":
		return note(kind, get("name"), strings.Join(filled([]string{get("latitude"), get("longitude")}), ","))
	case "share_chat":
		return note("chat", get("chat_id"))
	case "share_user":
		return note("contact", get("user_id"))
	case "merge_forward":
		return note("forwarded messages")
	case "system":
		return systemText(c)
	case "video_chat", "vote", "todo":
		texts := walkText(c, []string{"topic", "text", "options"})
		return note(kind, strings.Join(texts, "\n"))
	}
	if text := get("text"); text != "" {
		return text
	}
	return note(cmp.Or(kind, "message"))
}

func filled(texts []string) []string {
	return slices.DeleteFunc(slices.Clone(texts), func(s string) bool { return s == "" })
}

func seconds(ms float64) string {
	if ms <= 0 || ms > 1e9 {
		return ""
	}
	return strconv.Itoa(int(ms+999)/1000) + " s"
}

// postText is a rich text: its title, and a line for each paragraph. A post may
// stand in several languages, of which the first by name is read.
func postText(c gjson.Result, names mentions) string {
	if !c.Get("content").IsArray() {
		var tongue string
		var inner gjson.Result
		c.ForEach(func(k, v gjson.Result) bool {
			if v.Get("content").IsArray() && (tongue == "" || k.String() < tongue) {
				tongue, inner = k.String(), v
			}
			return true
		})
		if tongue == "" {
			return c.Get("title").String()
		}
		c = inner
	}
	lines := filled([]string{c.Get("title").String()})
	c.Get("content").ForEach(func(_, paragraph gjson.Result) bool {
		var line strings.Builder
		for _, e := range paragraph.Array() {
			line.WriteString(elementText(e, names))
		}
		lines = append(lines, line.String())
		return true
	})
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// elementText is one piece of a paragraph.
func elementText(e gjson.Result, names mentions) string {
	text := e.Get("text").String()
	switch e.Get("tag").String() {
	case "a":
		if href := e.Get("href").String(); href != "" && href != text {
			return strings.TrimSpace(text + " (" + href + ")")
		}
	case "at":
		id := e.Get("user_id").String()
		for _, m := range names {
			if m.name != "" && (m.key == id || m.id == id) {
				return "@" + m.name
			}
		}
		return "@" + cmp.Or(e.Get("user_name").String(), strings.TrimPrefix(id, "@_"), "?")
	case "img":
		return "[image]"
	case "media":
		return "[video]"
	case "emotion":
		return "[" + cmp.Or(e.Get("emoji_type").String(), "emoji") + "]"
	case "hr":
		return "---"
	}
	return text
}

// cardText is the words on a card, in the order they stand, whatever its version.
func cardText(c gjson.Result, names mentions) string {
	var lines []string
	if c.Get("elements.0").IsArray() {
		// As the platform tells it to a bot: paragraphs like those of a post.
		lines = append(lines, c.Get("title").String())
		c.Get("elements").ForEach(func(_, row gjson.Result) bool {
			var line strings.Builder
			for _, e := range row.Array() {
				line.WriteString(elementText(e, names))
			}
			lines = append(lines, line.String())
			return true
		})
	} else {
		lines = walkText(c, cardWords)
	}
	return strings.Join(filled(lines), "\n")
}

var cardWords = []string{"content", "text", "title", "placeholder"}

// walkText is the texts in v that stand under one of the names, in order.
func walkText(v gjson.Result, under []string) []string {
	var out []string
	var walk func(key string, v gjson.Result, depth int)
	walk = func(key string, v gjson.Result, depth int) {
		switch {
		case depth > maxWalk || len(out) > 500:
		case v.IsObject() || v.IsArray():
			inside := v.IsArray()
			v.ForEach(func(k, w gjson.Result) bool {
				name := k.String()
				if inside {
					name = key
				}
				walk(name, w, depth+1)
				return true
			})
		case v.Type == gjson.String && v.Str != "" && slices.Contains(under, key):
			out = append(out, v.Str)
		}
	}
	walk("", v, 0)
	return out
}

// systemText fills a notice such as "{from_user} invited {to_chatters}".
func systemText(c gjson.Result) string {
	text := c.Get("template").String()
	var pairs []string
	c.ForEach(func(k, v gjson.Result) bool {
		if name := k.String(); name != "template" && len(pairs) < 40 {
			var parts []string
			for _, e := range v.Array() {
				if e.Type == gjson.String || e.Type == gjson.Number {
					parts = append(parts, e.String())
				}
			}
			pairs = append(pairs, "{"+name+"}", strings.Join(parts, ", "))
		}
		return true
	})
	if text == "" {
		return "[system]"
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
