package receipt

import (
	"fmt"
	"strings"
	"time"

	"mekong/sinks/columns"
)

// Lang is the language that a receipt is written in. The entries are the same in both.
type Lang string

// The languages.
const (
	VI Lang = "vi"
	EN Lang = "en"
)

// ParseLang accepts the name of a language.
func ParseLang(name string) (Lang, error) {
	switch l := Lang(strings.ToLower(name)); l {
	case VI, EN:
		return l, nil
	}
	return "", fmt.Errorf("there is no language %q; write vi or en", name)
}

// word is one text in both languages. %s and %d are filled in the order they stand.
type word struct{ vi, en string }

var words = map[string]word{
	"title":   {"Biên nhận số %s", "Receipt no. %s"},
	"what":    {"Dữ liệu đã nhận, sự đồng ý và nơi đã giao", "What was received, what was agreed to, and where it went"},
	"issued":  {"Lập lúc", "Issued"},
	"by":      {"Người lập", "Issued by"},
	"number":  {"Số biên nhận", "Receipt number"},
	"entries": {"Số mục", "Entries"},
	"lead":    {"Lần gửi %s", "Delivery %s"},

	"who":       {"Ai", "Who"},
	"who.none":  {"Không có tên, số điện thoại hay e-mail.", "There is no name, phone or e-mail."},
	"received":  {"Nhận được", "Received"},
	"consent":   {"Sự đồng ý", "Consent"},
	"record":    {"Bản ghi", "Record"},
	"outcome":   {"Kết quả ở từng đích", "What became of it at each destination"},
	"forgotten": {"Yêu cầu xóa dữ liệu", "Request to be forgotten"},
	"proof":     {"Chứng thực", "Proof"},

	"received.at":     {"Nhận lúc", "Received"},
	"received.stored": {"Ghi xuống đĩa lúc", "On disk"},
	"received.source": {"Nguồn", "Source"},
	"received.format": {"Định dạng", "Format"},
	"received.id":     {"Mã lần gửi", "Delivery ID"},
	"received.number": {"Số thứ tự trong kho", "Number in the store"},
	"received.bytes":  {"Kích thước nội dung", "Size of what was sent"},
	"received.sha256": {"SHA-256 của nội dung nguyên bản", "SHA-256 of what was sent"},
	"received.gone":   {"Nội dung nguyên bản không còn được lưu (hết thời hạn nats.keep).", "What was sent is no longer kept (nats.keep is over)."},
	"bytes":           {"%d byte", "%d bytes"},
	"true":            {"có", "yes"},
	"false":           {"không", "no"},

	"fact.client_ip":    {"Địa chỉ IP người gửi", "Sender's IP address"},
	"fact.user_agent":   {"Trình duyệt", "Browser"},
	"fact.origin":       {"Trang web", "Website"},
	"fact.referer":      {"Trang trước đó", "Page it came from"},
	"fact.content_type": {"Kiểu nội dung", "Content type"},
	"fact.path":         {"Cổng nhận", "Door"},

	"consent.worded":  {"Đã đồng ý, với câu chữ này:", "Agreed, to this wording:"},
	"consent.ticked":  {"Đã đồng ý, nhưng không có câu chữ đồng ý nào được gửi kèm.", "Agreed, but no consent wording was sent."},
	"consent.refused": {"Không đồng ý: ô đồng ý được gửi mà để trống hoặc trả lời là không.", "Not agreed: the box was sent empty, or the answer was no."},
	"consent.saying":  {"Không đồng ý, với câu chữ này:", "Not agreed, with this wording:"},
	"consent.none":    {"Không có câu chữ đồng ý nào được gửi, cũng không có ô đồng ý.", "No consent wording was sent, nor a box to agree with."},
	"consent.text":    {"Câu chữ", "Wording"},
	"consent.given":   {"Đồng ý", "Consent"},
	"consent.sha256":  {"SHA-256 của câu chữ", "SHA-256 of the wording"},
	"consent.at":      {"Thời điểm đồng ý", "Agreed at"},
	"consent.form":    {"Biểu mẫu", "Form"},
	"consent.page":    {"Trang", "Page"},
	"consent.url":     {"Địa chỉ trang", "Address of the page"},
	"consent.sent":    {"Trường nguyên bản “%s”", "Field as sent, “%s”"},

	"record.id":       {"Mã bản ghi", "Record ID"},
	"record.key":      {"Mã dòng", "Row key"},
	"record.kind":     {"Loại", "Kind"},
	"record.occurred": {"Xảy ra lúc", "Happened"},
	"record.made":     {"Tạo lúc", "Made"},
	"record.gone":     {"Nội dung bản ghi không còn được lưu (hết thời hạn nats.keep).", "The record itself is no longer kept (nats.keep is over)."},
	"cut":             {"… (%d ký tự; đủ trong phần dữ liệu)", "… (%d characters; whole in the data below)"},

	"sink":      {"Đích", "Destination"},
	"state":     {"Tình trạng", "State"},
	"at":        {"Lúc", "At"},
	"attempts":  {"Lần thử hỏng trước đó", "Failed tries before"},
	"took":      {"Cả lô mất", "Whole batch took"},
	"ref":       {"Dòng hoặc mã ở đích", "Row or record ID there"},
	"why":       {"Lý do", "Reason"},
	"entry":     {"Mục", "Entry"},
	"part":      {"Phần", "Part"},
	"item":      {"Điều", "Item"},
	"value":     {"Giá trị", "Value"},
	"data":      {"Dữ liệu để kiểm tra", "Data to verify"},
	"transform": {"chuyển đổi", "transform"},

	"state.waiting":  {"đang chờ", "waiting"},
	"state.stored":   {"đã lưu", "stored"},
	"state.filtered": {"bỏ qua theo quy tắc", "left out by a rule"},
	"state.buried":   {"giữ riêng, chưa giao", "kept aside"},
	"state.unburied": {"đưa đi lại", "sent on again"},
	"state.replayed": {"phát lại", "replayed"},
	"state.dropped":  {"bỏ hẳn bằng tay", "given up by hand"},

	"forgotten.all":   {"Người này đã yêu cầu được quên. Dữ liệu đã bị xóa, và không có dữ liệu nào trong biên nhận này.", "This person has asked to be forgotten. The data were erased, and this receipt holds none."},
	"forgotten.since": {"Người này từng yêu cầu được quên; dữ liệu trước đó đã bị xóa. Biên nhận này nói về lần gửi sau đó.", "This person once asked to be forgotten, and what there was before is erased. This receipt is about what was sent since."},
	"forgotten.at":    {"Bắt đầu xóa lúc", "Erasing began"},
	"forgotten.mark":  {"Dấu (băm có khóa)", "Mark (keyed hash)"},

	"proof.head":   {"Mã băm cuối của chuỗi", "Last hash of the chain"},
	"proof.key":    {"Khóa công khai", "Public key"},
	"proof.seal":   {"Chữ ký Ed25519 trên mã băm cuối", "Ed25519 signature over the last hash"},
	"proof.prev":   {"Mã băm của biên nhận trước trong sổ", "Hash of the ledger's line before"},
	"proof.how":    {"Mỗi mục được băm cùng mã băm của mục trước; mã cuối và toàn bộ tệp này được ký. Kiểm tra, không cần dữ liệu của nơi lập:", "Each entry is hashed together with the hash of the one before; the last hash and this whole file are signed. To check it, without any data of whoever issued it:"},
	"proof.check":  {"Kiểm tra bằng", "To check it"},
	"proof.what":   {"Biên nhận chứng minh điều hệ thống này đã ghi lại và không sửa từ lúc lập. Nó không chứng minh trang web đã hiển thị gì quanh ô đồng ý, hay ô có được đánh dấu sẵn hay không.", "A receipt proves what this installation had written down, unaltered since it was issued. It does not prove what a page showed around the box, or whether the box was ticked beforehand."},
	"proof.person": {"Tệp này chứa dữ liệu cá nhân của người được nêu.", "This file holds personal data of the person it is about."},
	"proof.data":   {"Dữ liệu để máy kiểm tra", "Data for machines to verify"},
}

// tongue speaks one language.
type tongue struct{ lang Lang }

func (t tongue) say(key string, v ...any) string {
	w, ok := words[key]
	text := w.en
	if t.lang == VI {
		text = w.vi
	}
	switch {
	case !ok:
		return key
	case len(v) == 0:
		return text
	}
	return fmt.Sprintf(text, v...)
}

// moment is a time with its offset, to the millisecond.
func (t tongue) moment(at time.Time) string {
	switch {
	case at.IsZero():
		return ""
	case t.lang == VI:
		return at.Format("02/01/2006 15:04:05.000 -07:00")
	}
	return at.Format("2006-01-02 15:04:05.000 -07:00")
}

func (t tongue) field(name string) string { return columns.Label(name, string(t.lang)) }

func (t tongue) state(s State) string {
	if s.class() == "" {
		return visible(string(s))
	}
	return t.say("state." + string(s))
}

// number is how a receipt is called.
func number(n uint64) string { return fmt.Sprintf("%06d", n) }
