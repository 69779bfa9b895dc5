package larksim

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// cellView is a cell as the page shows it. Kind chooses the shape.
type cellView struct {
	Kind    string // "", "text", "link", "chips", "check", "stars", "bar"
	Text    string
	URL     string // checked by html/template for its scheme
	Chips   []chipView
	Percent int
}

type chipView struct {
	Text string
	Hue  int
	Grey bool
}

func (s *Sim) cellView(t *table, f *field, r *row) cellView {
	text := plain(s, f, r)
	switch f.kind {
	case CreatedTime:
		return cellView{Kind: "text", Text: s.date(f, r.created)}
	case ModifiedTime:
		return cellView{Kind: "text", Text: s.date(f, r.modified)}
	}
	v, ok := r.cells[f.id]
	if !ok {
		if f.kind == Checkbox {
			return cellView{Kind: "check"}
		}
		if text == "" {
			return cellView{}
		}
	}
	switch f.kind {
	case Text:
		if f.ui == "Email" {
			return cellView{Kind: "link", Text: text, URL: "mailto:" + text}
		}
	case Phone:
		// html/template lets no tel: link pass; the number itself is what matters.
		return cellView{Kind: "text", Text: text}
	case URL:
		l := v.(Link)
		return cellView{Kind: "link", Text: l.Text, URL: l.URL}
	case Number:
		return numberView(f, v.(float64))
	case DateTime:
		return cellView{Kind: "text", Text: s.date(f, time.UnixMilli(v.(int64)))}
	case Checkbox:
		c := cellView{Kind: "check"}
		if v.(bool) {
			c.Text = "✓"
		}
		return c
	case SingleSelect:
		return cellView{Kind: "chips", Chips: f.chips([]string{v.(string)})}
	case MultiSelect:
		return cellView{Kind: "chips", Chips: f.chips(v.([]string))}
	case SingleLink, DuplexLink:
		to, _ := f.property["table_id"].(string)
		rd := reading{s: s, table: t}
		var c []chipView
		for _, id := range v.([]string) {
			title := rd.title(t.base.table(to), id)
			if title == "" {
				title = id
			}
			c = append(c, chipView{Text: title, Grey: true})
		}
		return cellView{Kind: "chips", Chips: c}
	case Person, GroupChat, Attachment, CreatedUser, ModifiedUser:
		var c []chipView
		for _, name := range strings.Split(text, ", ") {
			c = append(c, chipView{Text: name, Grey: true})
		}
		return cellView{Kind: "chips", Chips: c}
	}
	return cellView{Kind: "text", Text: text}
}

func (f *field) chips(ids []string) []chipView {
	var out []chipView
	for _, id := range ids {
		for _, o := range f.options {
			if o.ID == id {
				out = append(out, chipView{Text: o.Name, Hue: o.Color * 47 % 360})
				break
			}
		}
	}
	return out
}

// dateLayout turns a date_formatter into a layout.
var dateLayout = strings.NewReplacer("yyyy", "2006", "MM", "01", "dd", "02", "HH", "15", "mm", "04", "ss", "05")

// date shows an instant in the zone of the Base, in the column's form.
func (s *Sim) date(f *field, t time.Time) string {
	form, _ := f.property["date_formatter"].(string)
	if form == "" {
		form = "yyyy/MM/dd"
	}
	return t.In(s.opts.Location).Format(dateLayout.Replace(form))
}

// currencies are the signs of the most used; others show their code.
var currencies = map[string]string{"VND": "₫", "USD": "$", "EUR": "€", "CNY": "¥", "JPY": "¥", "KRW": "₩", "THB": "฿", "SGD": "S$"}

func numberView(f *field, n float64) cellView {
	form, _ := f.property["formatter"].(string)
	switch f.ui {
	case "Rating":
		stars := int(math.Max(0, math.Min(n, 10)))
		return cellView{Kind: "stars", Text: strings.Repeat("★", stars)}
	case "Progress":
		return cellView{Kind: "bar", Text: formatted("0%", n), Percent: int(math.Max(0, math.Min(n*100, 100)))}
	case "Currency":
		code, _ := f.property["currency_code"].(string)
		if code == "" {
			code = "CNY"
		}
		sign := currencies[code]
		if sign == "" {
			sign = code + " "
		}
		if form == "" {
			form = "0.00"
		}
		return cellView{Kind: "text", Text: sign + formatted("1,"+form, n)}
	}
	if form == "" {
		form = "0.0"
	}
	return cellView{Kind: "text", Text: formatted(form, n)}
}

// formatted shows a number in a formatter of `lark.md` §3.4: "0.00", "1,000.0", "0%".
func formatted(form string, n float64) string {
	percent := strings.HasSuffix(form, "%")
	if percent {
		n *= 100
		form = strings.TrimSuffix(form, "%")
	}
	_, decimals, _ := strings.Cut(form, ".")
	s := strconv.FormatFloat(n, 'f', min(len(decimals), 9), 64)
	if strings.Contains(form, ",") {
		s = thousands(s)
	}
	if percent {
		s += "%"
	}
	return s
}

func thousands(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, rest, has := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if has {
		whole += "." + rest
	}
	return sign + whole
}

// icon is the sign of a column's type.
func icon(f *field) string {
	switch f.kind {
	case Number:
		switch f.ui {
		case "Currency":
			return "¤"
		case "Rating":
			return "★"
		}
		return "#"
	case SingleSelect, MultiSelect:
		return "▾"
	case DateTime, CreatedTime, ModifiedTime:
		return "◷"
	case Checkbox:
		return "☑"
	case Person, CreatedUser, ModifiedUser:
		return "☺"
	case Phone:
		return "☏"
	case URL, SingleLink, DuplexLink:
		return "↗"
	case Attachment:
		return "▤"
	case Location:
		return "⌖"
	case Formula, Lookup:
		return "ƒ"
	}
	return "A"
}
