package larkbase

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// aliases are the names, beside its own, of the column that a field goes to where
// the configuration names no columns; best first. Names are compared folded: without
// case, marks and signs, so that "Số điện thoại" is sodienthoai.
var aliases = map[string][]string{
	"phone":    {"sodienthoai", "sdt", "dienthoai", "phonenumber", "mobile", "tel"},
	"name":     {"hoten", "hovaten", "fullname", "tenkhachhang", "khachhang", "ten", "customer", "customername"},
	"email":    {"thudientu", "mail", "emailaddress", "diachiemail"},
	"address":  {"diachi"},
	"province": {"tinhthanhpho", "tinhthanh", "tinh", "thanhpho", "city"},
	"district": {"quanhuyen", "quan", "huyen"},
	"ward":     {"phuongxa", "phuong", "xa"},
	"country":  {"quocgia"},
	"note":     {"ghichu", "notes"},
	"message":  {"tinnhan", "noidung", "loinhan"},
	"text":     {"tinnhan", "noidung", "message"},
	"product":  {"sanpham"},
	"quantity": {"soluong"},
	"price":    {"gia", "dongia"},
	"amount":   {"sotien", "thanhtien"},
	"form":     {"bieumau", "formid"},
	"page":     {"trang", "landingpage", "trangdich"},
	"link":     {"duongdan", "lienket", "url"},
	"state":    {"trangthai", "status"},
	"flags":    {"canhbao", "luuy"},
	"consent":  {"dongy", "dongydieukhoan"},
	"ip":       {"diachiip", "ipaddress"},
	"source":   {"nguon"},
	"kind":     {"loai"},
	"occurred": {"thoigian", "thoidiem", "ngaygui", "ngay", "date", "time"},
	"received": {"ngaynhan", "thoigiannhan", "nhanluc", "receivedat"},
	"id":       {"recordid", "maban"},
}

// ofRecord are what a record has beside its fields, and so can be put into a column;
// see [entry.fields].
var ofRecord = []string{"id", "key", "kind", "source", "occurred", "received"}

// fold is a name without case, marks, spaces and signs.
func fold(name string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(name) {
		switch r = unicode.ToLower(r); {
		case r == 'đ':
			b.WriteByte('d')
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		}
	}
	return b.String()
}

// no is the rank of a name that is no column's.
const no = 1 << 30

// rank says how well column suits a field: 0 is the field's own name, [no] not at all.
func rank(field, column string) int {
	if field == column {
		return 0
	}
	f, c := fold(field), fold(column)
	switch {
	case c == "":
		return no
	case c == f:
		return 1
	}
	if i := slices.Index(aliases[field], c); i >= 0 {
		return 2 + i
	}
	return no
}

// heading compares the names of columns as a person does: spaces around and inside
// are easily overlooked, and so is which of two encodings an accent has.
func heading(name string) string {
	return strings.Join(strings.Fields(norm.NFC.String(name)), " ")
}
