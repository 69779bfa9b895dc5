package transform

import "slices"

// role is what a built-in mapping does with an incoming field.
type role uint8

const (
	other role = iota // kept under its own name
	rolePhone
	roleName
	roleEmail
	roleLink
	roleIP
	roleTime
	roleStatus
	roleVerified
	roleConsent
	rolePlace // part of a postal address
	rolePlain // text, kept under the name of the output
)

// target is an output field of the built-in mapping and the names it comes
// under, best first. Names are compared folded.
type target struct {
	output string
	role   role
	names  []string
}

// targets are those of ladipage.form. Those whose role stands alone come first,
// in the order of the roles. The lists of names are those that real receivers
// needed (`sources.md` §1.5); a name that is in none of them is kept as it is,
// so a list that is too short loses nothing.
func targets() []target {
	list := []target{
		{"phone", rolePhone, []string{"phone", "phone_number", "mobile", "tel", "sdt", "so_dien_thoai", "dien_thoai", "lien_he", "hotline"}},
		{"name", roleName, []string{"name", "fullname", "ho_ten", "ho_va_ten", "ten", "ten_khach_hang", "khach_hang", "your_name"}},
		{"email", roleEmail, []string{"email", "mail", "gmail", "email_address", "thu_dien_tu"}},
		{"link", roleLink, []string{"link", "url_page", "url", "page_url", "landing_page_url", "current_url", "origin_url_page", "variant_url"}},
		{"ip", roleIP, []string{"ip", "ip_address"}},
		{"message_time", roleTime, []string{"message_time"}},
		{"status_send", roleStatus, []string{"status_send"}},
		{"is_verified", roleVerified, []string{"is_verified"}},
		{"consent", roleConsent, []string{"i_agree_terms_and_conditions", "agree_terms_and_conditions", "agree_to_terms", "agree_terms", "i_agree",
			"agree", "consent", "toi_dong_y", "dong_y", "dong_y_dieu_khoan", "dong_y_voi_dieu_khoan", "chap_nhan_dieu_khoan"}},
		{"form", rolePlain, []string{"ladi_form_id", "form_id"}},
		{"user_agent", rolePlain, []string{"user_agent"}},
		// LadiPage calls the province "state", which is here how far a lead got.
		{"province", rolePlace, []string{"state", "province"}},
		{"district", rolePlace, []string{"district"}},
		{"ward", rolePlace, []string{"ward"}},
		{"country", rolePlace, []string{"country"}},
		{"event_id", rolePlain, []string{"event_id"}},
		{"message_id", rolePlain, []string{"message_id"}},
		{"submission_id", rolePlain, []string{"submission_id"}},
	}
	for _, p := range linkParams {
		list = append(list, target{p, rolePlain, []string{p}})
	}
	return list
}

// derived are the output fields that come from no single incoming one.
var derived = [...]string{
	"phone_local", "phone_raw", "phone_kind", "email_raw", "email_suggest", "search", "page", "state", "flags",
	"consent_text", "consent_at", "consent_form", "consent_page", "body", "unnamed",
}

// ofRecord are names that a record has beside its fields; a field of that name
// could not be told from it in an expression or a column.
var ofRecord = [...]string{"id", "key", "kind", "source", "occurred", "received"}

// outputs are the names of all built-in output fields.
func outputs() []string {
	var names []string
	for _, b := range targets() {
		names = append(names, b.output)
	}
	return append(names, derived[:]...)
}

func isOfRecord(name string) bool { return slices.Contains(ofRecord[:], name) }

// withoutID takes off the id that LadiPage writes before the name of a place,
// as in 24:Hà Nội (`sources.md` §1.2).
func withoutID(s string) string {
	for i := range len(s) {
		switch c := s[i]; {
		case c == ':' && i > 0 && i < len(s)-1:
			return clean(s[i+1:])
		case (c < '0' || c > '9') && (c < 'A' || c > 'Z'):
			return s
		}
	}
	return s
}
