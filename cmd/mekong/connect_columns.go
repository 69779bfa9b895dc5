package main

import (
	"slices"
	"strings"
	"unicode"

	"mekong/sinks/columns"
)

// The words for how sure a proposal is.
const (
	sure    = "sure"   // the column has the field's name, and a type that fits
	likely  = "likely" // the name begins or ends like the field's, or the type is an odd one
	perhaps = "if your form sends it"
)

// columnField is a field that a column may be for. Its names are folded; those of
// one language stand together, because in Vietnamese the first word of a name says
// what it is, and in English the last.
type columnField struct {
	field      string
	vietnamese []string
	english    []string
	builtIn    bool // every form's leads have it, or the record itself does
	value      value
}

// value is what a field holds, by which columns take it well.
type value int

const (
	textual value = iota
	dated
	linked
	phoned
	mailed
	yesNo
	named // an ID
)

// column is one of a table, whatever the vendor.
type column struct {
	name  string
	kind  string           // its type in words; "" where columns have none
	unfit string           // why nothing can be put into it; "": it can
	takes func(value) bool // whether such a value goes well into it; nil: any
}

// columnFields are never written to. Of two that fit a column equally the first wins.
var columnFields = []columnField{
	{"phone", []string{"sodienthoai", "sdt", "dienthoai", "sodt", "dtdd", "didong", "lienhe", "hotline", "zalo"}, []string{"phone", "phonenumber", "mobile", "mobilenumber", "tel", "telephone", "cell"}, true, phoned},
	{"name", []string{"hoten", "hovaten", "ten", "tenkhachhang", "khachhang", "tenkh", "hotenkhachhang", "tenhocvien", "hocvien"}, []string{"name", "fullname", "customer", "customername", "contact", "contactname", "lead", "leadname"}, true, textual},
	{"email", []string{"thudientu", "diachiemail"}, []string{"email", "mail", "gmail", "emailaddress"}, true, mailed},
	{"course", []string{"khoahoc", "tenkhoahoc", "khoa", "lophoc", "monhoc", "chuongtrinh", "chuongtrinhhoc"}, []string{"course", "coursename", "class", "program"}, false, textual},
	{"product", []string{"sanpham", "tensanpham", "dichvu"}, []string{"product", "productname", "service"}, false, textual},
	{"utm_source", nil, []string{"utmsource"}, true, textual},
	{"utm_medium", nil, []string{"utmmedium"}, true, textual},
	{"utm_campaign", []string{"chiendich", "tenchiendich"}, []string{"utmcampaign", "campaign", "campaignname"}, true, textual},
	{"utm_content", nil, []string{"utmcontent"}, true, textual},
	{"utm_term", nil, []string{"utmterm"}, true, textual},
	{"source", []string{"nguon", "nguonkhach", "kenh"}, []string{"source", "leadsource", "channel"}, true, textual},
	{"received", []string{"ngaynhan", "thoigiannhan", "nhanluc", "gionhan", "ngaytiepnhan"}, []string{"received", "receivedat", "receiveddate", "receivedon"}, true, dated},
	{"occurred", []string{"ngaygui", "ngaydangky", "thoigiandangky", "thoigian", "thoidiem", "ngay", "ngaytao"}, []string{"occurred", "date", "time", "submittedat", "createdat", "registeredat", "timestamp"}, true, dated},
	{"page", []string{"trangdich", "trang"}, []string{"page", "landingpage", "landing"}, true, linked},
	{"link", []string{"duongdan", "lienket", "linktrang"}, []string{"link", "url", "pageurl"}, true, linked},
	{"form", []string{"bieumau", "tenform"}, []string{"form", "formid"}, true, textual},
	{"province", []string{"tinhthanh", "tinhthanhpho", "tinh", "thanhpho", "khuvuc"}, []string{"province", "city", "region"}, true, textual},
	{"district", []string{"quanhuyen", "quan", "huyen"}, []string{"district"}, true, textual},
	{"ward", []string{"phuongxa"}, []string{"ward"}, true, textual},
	{"address", []string{"diachi"}, []string{"address"}, false, textual},
	{"note", []string{"ghichu", "luuy"}, []string{"note", "notes", "remark", "remarks"}, false, textual},
	{"message", []string{"noidung", "loinhan", "tinnhan", "yeucau", "cauhoi"}, []string{"message", "comment", "comments", "question"}, false, textual},
	{"consent", []string{"dongy"}, []string{"consent", "agree"}, true, yesNo},
	{"ip", []string{"diachiip"}, []string{"ip", "ipaddress"}, true, textual},
	{"id", nil, []string{"leadid", "recordid"}, true, named},
}

// proposal is what one column may be filled with; Field is "" for nothing.
type proposal struct {
	Column column
	Field  string
	Word   string // how sure it is, or why nothing is proposed
}

// propose goes through the columns of a table, in their order. A field is proposed
// for the column that fits it best, once. keyColumn is the sink's own.
func propose(columns []column, keyColumn string) []proposal {
	out := make([]proposal, len(columns))
	type match struct{ column, rank, order int }
	best := map[string]match{}
	for i, c := range columns {
		out[i].Column = c
		if out[i].Word = unfit(c, keyColumn); out[i].Word != "" {
			continue
		}
		for order, f := range columnFields {
			r := f.fits(c)
			if r == 0 {
				continue
			}
			// The column itself goes to the field that fits it best.
			if had := out[i].Field; had != "" && best[had].column == i && best[had].rank <= r {
				continue
			}
			if b, taken := best[f.field]; taken && b.rank <= r {
				continue
			} else if taken {
				out[b.column].Field = ""
			}
			if had := out[i].Field; had != "" {
				delete(best, had)
			}
			best[f.field] = match{i, r, order}
			out[i].Field = f.field
		}
	}
	for field, b := range best {
		f := columnFields[b.order]
		out[b.column].Word = f.word(b.rank)
		out[b.column].Field = field
		if !f.builtIn {
			// A field that is not known keeps the name the form gives it, which is
			// most often the column's.
			out[b.column].Field = out[b.column].Column.name
		}
	}
	return out
}

// unfit says why nothing can be put into a column; "": it can.
func unfit(c column, keyColumn string) string {
	switch {
	case c.unfit != "":
		return c.unfit
	case c.name == keyColumn:
		return "filled by Mekong: which lead the row is"
	case strings.TrimSpace(c.name) != c.name || strings.ContainsFunc(c.name, unicode.IsControl):
		return "its name has a space or line break at its end: rename it to use it"
	}
	return ""
}

// fits ranks how well a column fits the field: 1 best, 0 not at all.
func (f columnField) fits(c column) int {
	name := columns.Fold(c.name)
	if name == "" {
		return 0
	}
	odd := 0
	if c.takes != nil && !c.takes(f.value) {
		odd = 2
	}
	if name == columns.Fold(f.field) || slices.Contains(f.vietnamese, name) || slices.Contains(f.english, name) {
		return 1 + odd
	}
	loose := func(aliases []string, at func(s, part string) bool) bool {
		return slices.ContainsFunc(aliases, func(a string) bool { return len(a) >= 4 && at(name, a) })
	}
	switch {
	case odd > 0:
		return 0 // both the name and the type are off
	case loose(f.vietnamese, strings.HasPrefix), loose(f.english, strings.HasSuffix):
		return 2
	}
	return 0
}

func (f columnField) word(rank int) string {
	switch {
	case !f.builtIn:
		return perhaps
	case rank == 1:
		return sure
	}
	return likely
}
