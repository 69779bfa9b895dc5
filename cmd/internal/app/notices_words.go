package app

import "fmt"

// language is that of notices: "vi", "en", or both.
type language string

// phrase is the same in Vietnamese and in English. Both take the same arguments in
// the same order.
type phrase struct{ vi, en string }

// What notices say: titles, and the first lines of their texts.
var (
	saidHeld    = phrase{"Đích %s đang tạm dừng", "Sink %s is held"}
	saidOver    = phrase{"Đích %s chạy lại", "Sink %s goes on"}
	saidBuried  = phrase{"Có bản ghi của đích %s bị gác lại", "Records for sink %s were buried"}
	saidRefused = phrase{"Có tin nhận vào bị gác lại", "Deliveries were buried by the transform"}
	saidBroken  = phrase{"Đăng nhập của đích %s không còn dùng được", "The sign-in of sink %s no longer works"}
	saidEnding  = phrase{"Đăng nhập của đích %s sắp hết hạn", "The sign-in of sink %s is about to end"}
	saidMended  = phrase{"Đăng nhập của đích %s đã ổn", "The sign-in of sink %s is good again"}

	saidQuiet = phrase{"Biểu mẫu %s im ắng", "Form %s has gone quiet"}
	saidHeard = phrase{"Biểu mẫu %s có lead trở lại", "Form %s brings leads again"}

	toldHeld   = phrase{"Từ %s. Bản ghi được giữ lại, không mất; Mekong tự thử lại.", "Since %s. Its records wait and none is lost; it is tried again by itself."}
	toldOver   = phrase{"Đã dừng từ %s đến khoảng %s.", "It was held from %s to about %s."}
	toldBuried = phrase{"%d kể từ %s; không mất gì: sửa nguyên nhân rồi chạy lại.", "%d since %s; nothing is deleted: mend the cause, then replay them."}
	toldLogin  = phrase{"Gõ: %s", "Type: %s"}
	toldQuiet  = phrase{"Không có lead nào trong %s; thường có khoảng %s. Lead cuối: %s. Hãy mở trang và gửi thử biểu mẫu; chiến dịch đã kết thúc thì thêm nó vào notices.silence.mute.",
		"No lead for %s, usually %s. The last one: %s. Open the page and send its form; has the campaign ended, add the form to notices.silence.mute."}
	toldHeard  = phrase{"Không có lead nào từ %s đến vừa rồi; thường có %s hoặc hơn.", "There was none from %s until just now, usually %s or more."}
	toldMended = phrase{"Không cần làm gì.", "Nothing needs to be done."}
)

func (l language) title(p phrase, args ...any) string { return l.join(" / ", p, args) }

func (l language) text(p phrase, args ...any) string { return l.join("\n", p, args) }

func (l language) join(between string, p phrase, args []any) string {
	switch l {
	case "vi":
		return fmt.Sprintf(p.vi, args...)
	case "en":
		return fmt.Sprintf(p.en, args...)
	}
	return fmt.Sprintf(p.vi, args...) + between + fmt.Sprintf(p.en, args...)
}
