package main

import (
	"os"
	"strings"
)

// tongue is the language that init speaks: 0 Vietnamese, 1 English.
type tongue int

const (
	vietnamese tongue = iota
	english
)

// tongueOf is the language a flag names, or else the environment does.
func tongueOf(flag string) (tongue, error) {
	switch flag {
	case "vi":
		return vietnamese, nil
	case "en":
		return english, nil
	case "":
	default:
		return english, usagef("--lang %q is neither vi nor en", flag)
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			if v == "vi" || strings.HasPrefix(v, "vi_") || strings.HasPrefix(v, "vi.") {
				return vietnamese, nil
			}
			break
		}
	}
	return english, nil
}

// say is what init says under a name.
func (t tongue) say(name string) string { return initWords[name][t] }

// initWords is never written to.
var initWords = map[string][2]string{
	"hello": {
		"Cấu hình Mekong trong một phút. Enter là chọn phần trong [ ]; Ctrl-C là thôi, không ghi gì cả.",
		"Mekong set up in a minute. Enter takes what stands in [ ]; Ctrl-C leaves, and nothing is written.",
	},
	"sources":         {"Lead đến từ đâu?", "Where do leads come from?"},
	"sources.several": {"Một hoặc nhiều số, cách nhau bằng dấu phẩy [1]: ", "One or several numbers, with commas [1]: "},
	"sources.wrong":   {"Chỉ có các số 1, 2, 3, 4.", "There are the numbers 1, 2, 3, 4."},
	"source.ladipage": {"LadiPage, hay một trang có biểu mẫu", "LadiPage, or a page with a form"},
	"source.chatbot":  {"chatbot ghi lại các cuộc hội thoại", "a chatbot that logs its conversations"},
	"source.larkbot":  {"bot trong Lark hay Feishu", "a bot in Lark or Feishu"},
	"source.webhook":  {"webhook khác: cửa hàng, CRM, Google Forms", "another webhook: a shop, a CRM, Google Forms"},
	"door":            {"Địa chỉ để bên ngoài gọi vào máy này, vd. https://lead.example.vn (Enter: chưa có) []: ", "The address at which the outside reaches this machine, such as https://lead.example.vn (Enter: none yet) []: "},
	"door.wrong":      {"Cần dạng https://ten-mien, không có gì phía sau.", "It has to look like https://your-domain, with nothing behind it."},
	"verify":          {"Verification Token của bot (Lark: Events & Callbacks, Encryption Strategy; không hiện ra): ", "The bot's Verification Token (Lark: Events & Callbacks, Encryption Strategy; not shown): "},
	"encrypt":         {"Encrypt Key của bot (không hiện ra; Enter: không mã hóa): ", "The bot's Encrypt Key (not shown; Enter: it has none): "},
	"sinks":           {"Lead đi đến đâu? MongoDB luôn giữ tất cả.", "Where shall leads go? MongoDB always has everything."},
	"mongodb":         {"  Địa chỉ MongoDB, mongodb://… (không hiện ra; Enter: một máy chủ nằm trong Mekong, để dùng thử) []: ", "  MongoDB's address, mongodb://… (not shown; Enter: a server inside Mekong, to try things out) []: "},
	"links":           {"  Và đến bảng tính? Dán link Google Sheets, web app Apps Script, hay Lark Base; mỗi lần một link.", "  And to a table? Paste the link of a Google spreadsheet, an Apps Script web app, or a Lark Base; one at a time."},
	"link":            {"  Link (Enter: không có) []: ", "  Link (Enter: none) []: "},
	"link.more":       {"  Link khác (Enter: đủ rồi) []: ", "  Another link (Enter: that is all) []: "},
	"link.wrong":      {"  Đây không phải link của Google Sheets (docs.google.com/spreadsheets/…), Apps Script (script.google.com/…/exec) hay Lark Base (…larksuite.com/base/…).", "  That is no link of Google Sheets (docs.google.com/spreadsheets/…), Apps Script (script.google.com/…/exec) or Lark Base (…larksuite.com/base/…)."},
	"link.twice":      {"  Loại này đã có một link; thêm link nữa sau bằng mekong connect --name.", "  There is one of that kind already; another is added later with mekong connect --name."},
	"again":           {"Sửa xong rồi Enter để thử lại; gõ s để bỏ qua lúc này: ", "Mend it and press Enter to try again; s leaves it out for now: "},
	"taken":           {"Cổng %s đang có chương trình khác dùng; Mekong lấy %s.\n", "Another program has %s; Mekong takes %s.\n"},
	"stopped":         {"Đã dừng. Không ghi gì cả.", "Stopped. Nothing was written."},
	"there":           {"%s đã có, và không bị thay đổi. Thêm đích: mekong connect. Làm lại từ đầu: dời nó đi, hoặc đặt tên khác: mekong init -c khac.yaml", "%s is there already, and was not changed. To add a destination: mekong connect. To begin anew: move it away, or choose another name: mekong init -c other.yaml"},
	"written":         {"Đã ghi %s, và các mã bí mật trong %s mà chỉ bạn đọc được.\n", "Written: %s, and the secrets in %s, which only you can read.\n"},
	"next.ladipage":   {"Trong LadiPage, Tài khoản liên kết → API:", "In LadiPage, Tài khoản liên kết → API:"},
	"next.tick":       {"Tích \"Gửi API qua LadiPage\", rồi xuất bản lại trang.", "Tick \"Gửi API qua LadiPage\", and publish the page again."},
	"next.chatbot":    {"Chatbot gửi mỗi lượt (POST, JSON) đến:", "The chatbot posts each turn, as JSON, to:"},
	"next.larkbot":    {"Trong Lark, Events & Callbacks:", "In Lark, Events & Callbacks:"},
	"next.webhook":    {"Hệ thống kia gửi (POST) đến:", "The other system posts to:"},
	"next.proxy":      {"<tên-miền-của-bạn> là một proxy HTTPS đặt trước %s, ví dụ: caddy reverse-proxy --from lead.example.vn --to %[1]s", "<your-domain> is a proxy with HTTPS in front of %s, for example: caddy reverse-proxy --from lead.example.vn --to %[1]s"},
	"next.domain":     {"https://<tên-miền-của-bạn>", "https://<your-domain>"},
	"next.now":        {"Bây giờ, trên máy này:", "Now, on this machine:"},
	"next.run":        {"chạy, đến khi Ctrl-C", "runs it, until Ctrl-C"},
	"next.send":       {"ở một cửa sổ khác: gửi một lead giả", "in another window: sends a made-up lead"},
	"next.console":    {"trang điều khiển; lần chạy đầu, mekong run in ra link đăng nhập", "the console; at its first start mekong run prints the link that signs you in"},
	"next.later":      {"Chưa cài đặt được, để sau:", "Not set up yet, for later:"},
	"yaml.head":       {"Mekong: mỗi lead được lưu một lần, nhanh, không bao giờ mất. Tạo bởi mekong init.", "Mekong: every lead, stored once, quickly, and never lost. Made by mekong init."},
	"yaml.example":    {"Mọi thiết lập khác, có chú thích:  mekong config example", "Everything else there is to set, with comments:  mekong config example"},
	"yaml.check":      {"Sau mỗi lần sửa:  mekong config check", "After a change:  mekong config check"},
	"yaml.data":       {"Thư mục giữ mọi thứ trên máy này. Hãy sao lưu: trong đó có lead của bạn.", "Folder of what is kept on this machine. Back it up; it holds your leads."},
	"yaml.intake":     {"Cửa nhận. Bên ngoài gọi vào qua một proxy HTTPS.", "The door. The outside comes in through a proxy with HTTPS."},
	"yaml.console":    {"Trang điều khiển, cho bạn.", "The console, for you."},
	"yaml.proxies":    {"Địa chỉ của proxy đó, để biết khách gọi từ đâu:", "The proxy's address, so that visitors' own are known:"},
	"yaml.door":       {"Địa chỉ mà bên ngoài dùng, để hiện trên trang Nguồn.", "The address that the outside uses, shown on the page Sources."},
	"yaml.sources":    {"Các đường vào. Mỗi mã bí mật nằm trong một tệp riêng, chỉ bạn đọc được.", "Ways in. Each secret is in a file of its own, which only you can read."},
	"yaml.header":     {"Hệ thống gửi phải kèm mã này trong header token.", "The sender shows this in the header token."},
	"yaml.sinks":      {"Các đích. Một đích chậm không làm chậm đích nào khác.", "Destinations. A slow one delays no other."},
	"yaml.all":        {"MongoDB giữ tất cả.", "MongoDB has everything."},
	"yaml.embedded":   {"Không có uri thì một máy chủ trong Mekong giữ bản ghi ở data_dir, để dùng thử. Khi làm thật:", "Without uri a server inside Mekong keeps the records in data_dir, to try things out. For real work:"},
}

// say is what this init says under a name.
func (r *initRun) say(name string) string { return r.tongue.say(name) }
