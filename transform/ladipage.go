package transform

import (
	"bytes"
	"strings"
	"time"

	"mekong/pipeline"
	"mekong/sources/form"
)

// ladipageForm is the format of what a LadiPage form sends, from the visitor's
// browser or from LadiPage's servers (`sources.md` §1.2, §1.3). The body is the
// request's, untouched; [pipeline.Raw.Meta] may hold content_type, origin,
// referer, user_agent, client_ip and path.
const ladipageForm = "ladipage.form"

// form makes the record of one submission.
func (m *mapper) form(raw pipeline.Raw) ([]pipeline.Record, error) {
	parsed, err := form.Parse(raw.Meta["content_type"], raw.Body)
	b := m.pool.Get().(*build)
	b.raw, b.kind = raw, m.kind
	b.secrets = mentionsOTP(raw.Body) || mentionsOTP([]byte(raw.Meta["referer"]))
	b.plusLost = parsed.Kind == form.URLEncoded
	b.flags = append(b.flags, parsed.Flags...)
	b.collect(parsed.Fields)
	b.fields = make(map[string]any, len(b.items)+added)
	b.contact()
	b.origin()
	b.times()
	b.consent()
	b.progress()
	b.plain()
	b.configured()
	b.proof()
	b.rest()
	b.body(parsed, err)
	b.compute(m.order[:m.early])
	b.judge()
	b.compute(m.order[m.early:])
	record, err := b.record()
	if b.reset(); cap(b.items) <= maxRoom {
		m.pool.Put(b)
	}
	if err != nil {
		return nil, err
	}
	return []pipeline.Record{record}, nil
}

// added is about how many outputs a lead has beyond what was sent: its phone in
// four forms, page, search, state, flags, and what the request's headers say.
const added = 9

// contact fills phone, name and email.
func (b *build) contact() {
	if it := b.slot(rolePhone); it != nil {
		b.setPhone("phone", it)
	}
	if it := b.slot(roleName); it != nil {
		b.set("name", oneLine(it.first()))
	}
	if it := b.slot(roleEmail); it != nil {
		b.setEmail("email", it.first())
	}
}

// origin says where the visitor came from. What a browser says about itself in
// the request's headers is only believed of a browser: on the way through
// LadiPage's servers the headers are theirs.
func (b *build) origin() {
	meta := b.raw.Meta
	link := ""
	if it := b.slot(roleLink); it != nil {
		link = it.first()
	} else if link = b.header("referer"); link == "" {
		link = b.header("origin")
	}
	b.setFilled("link", link)
	if page := canonicalPage(link); page != "" {
		b.derive("page", page)
	}
	b.link = link
	browser := meta["origin"] != "" || meta["referer"] != ""
	if it := b.slot(roleIP); it != nil && isIP(it.first()) {
		b.set("ip", it.first())
	} else {
		if it != nil {
			it.used = false // no address: kept under its own name
		}
		if browser {
			b.setFilled("ip", b.header("client_ip"))
		}
	}
	if browser {
		b.setFilled("user_agent", b.header("user_agent"))
	}
}

// futureTolerance is how far a sender's clock may be ahead of ours.
const futureTolerance = 5 * time.Minute

// times settles when it happened. LadiPage does not document the format of
// message_time (`sources.md` §1.3), so what cannot be read costs a flag.
func (b *build) times() {
	b.occurred = b.raw.Received
	if it := b.slot(roleTime); it != nil {
		b.set("message_time", it.first())
		b.happened(it.first())
	}
}

// happened takes text for when it happened.
func (b *build) happened(text string) {
	t, day, ok := parseDate(text, b.m.loc)
	switch {
	case !ok || day || t.Year() < 2000:
		b.flag("message_time_invalid")
	case t.After(b.raw.Received.Add(futureTolerance)):
		b.flag("message_time_future")
	default:
		b.occurred = t
	}
}

// progress settles how far the lead got: captured while typing, submitted, or
// verified with a one-time password (`sources.md` §1.3, §1.4).
func (b *build) progress() {
	var state any = "submitted" // a constant is boxed once and for all
	if it := b.slot(roleStatus); it != nil {
		b.set("status_send", it.first())
		if s := it.first(); s == "1" || strings.Contains(foldKey(s), "capture") {
			state = "captured"
		}
	}
	if it := b.slot(roleVerified); it != nil {
		b.set("is_verified", it.first())
		if yes, ok := parseBool(it.first()); yes || !ok && foldKey(it.first()) == "verified" {
			state = "verified"
		}
	}
	b.derive("state", state)
}

// consent reads the box that visitors tick.
func (b *build) consent() {
	it := b.slot(roleConsent)
	if it == nil {
		if b.asked {
			b.set("consent", false) // the box was there and stayed empty
		}
		return
	}
	text := it.text()
	yes, ok := parseBool(text)
	if !ok {
		// The box's own wording: ticked, unless it says the opposite.
		var buf [128]byte
		key := appendKey(buf[:0], text)
		yes = !bytes.Contains(key, []byte("khongdongy")) && !bytes.HasPrefix(key, []byte("donot")) && !bytes.HasPrefix(key, []byte("idonot"))
	}
	b.set("consent", yes)
	b.derive("consent_text", text)
}

// proof keeps when, on which form and on which page consent was given
// (`sources.md` §4.8).
func (b *build) proof() {
	if b.fields["consent"] != true {
		return
	}
	b.derive("consent_at", b.occurred.UTC().Format(time.RFC3339Nano))
	for _, pair := range [...][2]string{{"consent_form", "form"}, {"consent_page", "page"}} {
		if v, ok := b.fields[pair[1]].(string); ok {
			b.derive(pair[0], v)
		}
	}
}

// plain fills the outputs that are text and nothing more, then what the page's
// address says and the form did not.
func (b *build) plain() {
	for i := range b.m.slots {
		s := &b.m.slots[i]
		switch s.role {
		case rolePlain, rolePlace:
		default:
			continue
		}
		it := b.best(i)
		if it == nil {
			continue
		}
		v := it.first()
		if s.role == rolePlace {
			v = withoutID(v)
		}
		b.set(s.output, oneLine(v))
	}
	if strings.IndexByte(b.link, '?') >= 0 {
		eachParam(b.link, func(name, value string) {
			i := paramIndex(name)
			if i < 0 {
				return
			}
			if _, filled := b.fields[linkParams[i]]; filled || b.m.isConfigured(linkParams[i]) {
				return
			}
			b.setFilled(linkParams[i], oneLine(decodeParam(value)))
		})
	}
}

// judge flags what somebody should look at, and adds the key that people look
// names up by.
func (b *build) judge() {
	name, _ := b.fields["name"].(string)
	search := ""
	if name != "" {
		if search = foldSearch(name); search != "" {
			b.derive("search", search)
		}
	}
	local, _ := b.fields["phone_local"].(string)
	if local == "" {
		local, _ = b.fields["phone_raw"].(string)
	}
	if local == "" {
		b.flag("phone_missing")
	}
	if isTestLead(name, search, local) {
		b.flag("test_lead")
	}
	if isJunkName(name) {
		b.flag("junk")
	}
}
