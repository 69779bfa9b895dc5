// Package leads makes up lifelike leads and encodes them as LadiPage's browser
// runtime does: what demo, send and bench post. Nobody in them exists.
package leads

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/url"
	"strings"
)

// Kind is a body type that a LadiPage connection can be set to.
type Kind string

// The three there are; the first is LadiPage's default (sources.md §1.2).
const (
	URLEncoded Kind = "urlencoded"
	Multipart  Kind = "multipart"
	JSON       Kind = "json"
)

// Kinds are all of them.
var Kinds = []Kind{URLEncoded, Multipart, JSON}

// Field is a name and value in the order of the form.
type Field struct{ Name, Value string }

// Lead is one submission.
type Lead []Field

var (
	families = []string{"Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Huỳnh", "Phan", "Vũ", "Võ", "Đặng", "Bùi", "Đỗ"}
	middles  = []string{"Thị", "Văn", "Ngọc", "Minh", "Thanh", "Hữu", "Thu", "Quốc"}
	given    = []string{"Ánh", "Bình", "Chi", "Dũng", "Giang", "Hà", "Hương", "Khánh", "Lan", "Mai", "Nam", "Phúc", "Quân", "Thảo", "Trang", "Uyên", "Việt", "Yến"}
	courses  = []string{`["IELTS"]`, `["IELTS","TOEIC"]`, `["Giao tiếp"]`, `["Tiếng Anh trẻ em"]`}
	sources  = []string{"fb", "google", "tiktok", "zalo"}
)

// Make is lead number n: the same for the same n, different for another.
func Make(n uint64) Lead {
	pick := func(list []string, by uint64) string { return list[by%uint64(len(list))] }
	mix := n * 0x9E3779B97F4A7C15
	phone := fmt.Sprintf("09000%05d", n%100_000)
	switch mix >> 33 % 5 {
	case 1:
		phone = "+84" + phone[1:]
	case 2:
		phone = phone[1:] // a spreadsheet has been at it
	case 3:
		phone = phone[:4] + " " + phone[4:7] + " " + phone[7:]
	}
	source := pick(sources, mix>>20)
	link := fmt.Sprintf("https://khoahoc.example.vn/ielts?utm_source=%s&utm_campaign=%d&fbclid=IwAR%x", source, 120208585133120000+mix%1000, mix)
	return Lead{
		{"name", strings.Join([]string{pick(families, mix>>8), pick(middles, mix>>16), pick(given, mix>>24)}, " ")},
		{"phone", phone},
		{"email", fmt.Sprintf("lead%d@example.com", n)},
		{"Khóa học", pick(courses, mix>>28)},
		{"form_item3209", "Tôi muốn được tư vấn qua điện thoại"},
		{"i_agree_terms_and_conditions", "Tôi đồng ý"},
		{"link", link},
		{"utm_source", source},
		{"utm_campaign", fmt.Sprint(120208585133120000 + mix%1000)},
	}
}

// Encode gives the body and its Content-Type. In the urlencoded one the names
// are left as they are, because that is what LadiPage's runtime sends.
func (l Lead) Encode(k Kind) (contentType string, body []byte) {
	switch k {
	case JSON:
		var b bytes.Buffer
		for i, f := range l {
			if i > 0 {
				b.WriteByte(',')
			}
			name, _ := json.Marshal(f.Name)
			value, _ := json.Marshal(f.Value)
			b.Write(name)
			b.WriteByte(':')
			b.Write(value)
		}
		return "application/json", []byte("{" + b.String() + "}")
	case Multipart:
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for _, f := range l {
			_ = w.WriteField(f.Name, f.Value) // a buffer takes everything
		}
		_ = w.Close()
		return w.FormDataContentType(), b.Bytes()
	default:
		parts := make([]string, len(l))
		for i, f := range l {
			parts[i] = f.Name + "=" + strings.ReplaceAll(url.QueryEscape(f.Value), "+", "%20")
		}
		return "application/x-www-form-urlencoded", []byte(strings.Join(parts, "&"))
	}
}
