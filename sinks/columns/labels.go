package columns

import "strings"

// labels are what people call the fields of a record, in Vietnamese and in English.
var labels = map[string][2]string{
	"received":      {"Nhận lúc", "Received"},
	"occurred":      {"Gửi lúc", "Occurred"},
	"source":        {"Nguồn", "Source"},
	"kind":          {"Loại", "Kind"},
	"name":          {"Họ tên", "Name"},
	"phone":         {"Số điện thoại", "Phone"},
	"phone_local":   {"Số điện thoại trong nước", "Phone, local"},
	"phone_raw":     {"Số điện thoại đã nhập", "Phone as typed"},
	"phone_kind":    {"Loại số", "Kind of phone"},
	"email":         {"Email", "E-mail"},
	"email_suggest": {"Email gợi ý", "E-mail, suggested"},
	"address":       {"Địa chỉ", "Address"},
	"province":      {"Tỉnh/Thành phố", "Province"},
	"district":      {"Quận/Huyện", "District"},
	"ward":          {"Phường/Xã", "Ward"},
	"country":       {"Quốc gia", "Country"},
	"note":          {"Ghi chú", "Note"},
	"message":       {"Lời nhắn", "Message"},
	"text":          {"Nội dung", "Text"},
	"question":      {"Câu hỏi", "Question"},
	"answer":        {"Câu trả lời", "Answer"},
	"product":       {"Sản phẩm", "Product"},
	"course":        {"Khóa học", "Course"},
	"quantity":      {"Số lượng", "Quantity"},
	"price":         {"Giá", "Price"},
	"amount":        {"Số tiền", "Amount"},
	"form":          {"Biểu mẫu", "Form"},
	"page":          {"Trang", "Page"},
	"link":          {"Đường dẫn", "Link"},
	"state":         {"Trạng thái", "State"},
	"consent":       {"Đồng ý", "Consent"},
	"consent_text":  {"Nội dung đồng ý", "Consent, its wording"},
	"consent_at":    {"Đồng ý lúc", "Consent given"},
	"consent_form":  {"Đồng ý tại biểu mẫu", "Consent, form"},
	"consent_page":  {"Đồng ý tại trang", "Consent, page"},
	"flags":         {"Lưu ý", "Flags"},
	"ip":            {"Địa chỉ IP", "IP address"},
	"user_agent":    {"Trình duyệt", "Browser"},
	"search":        {"Từ khóa tìm", "Search key"},
	"session":       {"Phiên chat", "Chat session"},
	"turns":         {"Số lượt", "Turns"},
	"first_at":      {"Bắt đầu lúc", "First message"},
	"last_at":       {"Lần cuối", "Last message"},
	"utm_source":    {"UTM nguồn", "UTM source"},
	"utm_medium":    {"UTM kênh", "UTM medium"},
	"utm_campaign":  {"UTM chiến dịch", "UTM campaign"},
	"utm_content":   {"UTM nội dung", "UTM content"},
	"utm_term":      {"UTM từ khóa", "UTM term"},
	"id":            {"Mã bản ghi", "Record ID"},
	"key":           {"Mã dòng", "Row key"},
}

// Label is what people call a field, in the language "vi" or "en"; a field that has
// no such name is called what it is.
func Label(field, language string) string {
	l, ok := labels[field]
	switch {
	case !ok:
		return field
	case strings.EqualFold(language, "en"):
		return l[1]
	}
	return l[0]
}
