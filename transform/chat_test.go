package transform

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"mekong/config"
	"mekong/pipeline"
	"mekong/sources/chatlog/turn"
)

func TestFindPhone(t *testing.T) {
	for text, want := range map[string]string{
		"0900000000":                        "0900000000",
		"sđt em là 0900 000 000 nhé":        "0900 000 000",
		"số: 0900.000.000.":                 "0900.000.000",
		"gọi 0900-000-000, cảm ơn":          "0900-000-000",
		"09 00 00 00 00":                    "09 00 00 00 00",
		"(+84) 900 000 000":                 "+84) 900 000 000",
		"+84900000000":                      "+84900000000",
		"84900000000 ạ":                     "84900000000",
		"o9oo ooo ooo":                      "o9oo ooo ooo",
		"09oo000000":                        "09oo000000",
		"０９０００００００0":                        "０９０００００００0",
		"0900000000/0900000001":             "0900000000",
		"0900000000 0900000001":             "0900000000",
		"02838123456":                       "02838123456",
		"em 18 tuổi, 0900000000":            "0900000000",
		"sinh 2008 0900000000":              "0900000000",
		"+1 202 555 0123":                   "+1 202 555 0123",
		"01691234567":                       "01691234567",
		"zalo:0900000000":                   "0900000000",
		"chào shop":                         "",
		"900000000":                         "", // a lost zero may be an amount
		"học phí 5.900.000đ":                "",
		"mã đơn DH0900000000":               "",
		"https://example.com/0900000000":    "",
		"https://example.com/?p=0900000000": "",
		"a0900000000@example.com":           "",
		"0900000000@example.com":            "",
		"12090000000012":                    "",
		"1900 0000":                         "",
		"08.12.2024 - 15":                   "",
		"ngày 08-12-2024 15h":               "",
		"0000000000":                        "",
		"0.900.000.000 đồng":                "",
		"không có số o o o":                 "",
		"3.0900000000":                      "",
		strings.Repeat("1 ", 5000) + "x":    "",
		strings.Repeat("0", 5000) + "900":   "",
		"":                                  "",
	} {
		if got := findPhone(text); got != want {
			t.Errorf("%.40q: %q, want %q", text, got, want)
		}
	}
}

func TestFindSplitPhone(t *testing.T) {
	for _, c := range []struct{ before, text, want string }{
		{"số em là 0900", "000 000 nhé", "0900 000 000"},
		{"0900 000", "000", "0900 000 000"},
		{"0900.000.", "000", "0900.000 000"},
		{"+84 900", "000000", "+84 900 000000"},
		{"o9oo", "ooo ooo", "o9oo ooo ooo"},
		{"em sinh năm 08", "12345678", ""}, // two digits are no half
		{"0900 000 0", "00", ""},
		{"có 0900 bạn", "000000", ""},
		{"0900", "gọi 000000", ""},
		{"", "0900000000", ""},
		{"0900", "", ""},
		{"học phí 0900", "000000đ", ""},
		{"0900 000 000", "000", ""},
	} {
		if got := findSplitPhone(c.before, c.text); got != c.want {
			t.Errorf("%q and %q: %q, want %q", c.before, c.text, got, c.want)
		}
	}
}

func TestFindName(t *testing.T) {
	for text, want := range map[string]string{
		"em tên là Nguyễn Thị Ánh ạ":              "Nguyễn Thị Ánh",
		"dạ mình là Trần Văn Bình, ở Hà Nội":      "Trần Văn Bình",
		"Tôi tên Lê Hoàng Cường":                  "Lê Hoàng Cường",
		"em tên Lan muốn hỏi khóa IELTS":          "Lan",
		"tên em là Hồ Tú":                         "Hồ Tú",
		"Họ tên: Phạm Văn Đức\nSĐT: 0900000000":   "Phạm Văn Đức",
		"họ và tên: đỗ thị hoa, sđt 0900000000":   "đỗ thị hoa",
		"em tên nguyễn văn an ạ":                  "nguyễn văn an",
		"MÌNH TÊN LÀ VÕ MINH":                     "VÕ MINH",
		"my name is Nguyen An and I":              "Nguyen An",
		norm.NFD.String("em tên là Trần Thị Hòa"): "Trần Thị Hòa",
		"em tên là gì":                            "",
		"bạn tên gì vậy":                          "",
		"chị tên gì ạ":                            "",
		"bạn tên là Lan à":                        "",
		"con em tên là Minh":                      "",
		"bé nhà mình tên An, 6 tuổi":              "",
		"vợ anh tên Hoa":                          "",
		"mình là sinh viên năm 3":                 "",
		"em là phụ huynh":                         "",
		"mình là Giảng Viên":                      "",
		"em là Hà Nội":                            "",
		"mình là Thái Nguyên":                     "",
		"em là Cao Đẳng FPT":                      "",
		"em là Lan":                               "", // no family name
		"em tên lan":                              "", // neither capitals nor a family name
		"tên trường là Nguyễn Du":                 "",
		"em tên test":                             "",
		"em tên là Nguyễn123":                     "",
		"họ tên":                                  "",
		strings.Repeat("em tên là ", 3000):        "",
		"":                                        "",
	} {
		if got := findName(clean(text)); got != want {
			t.Errorf("%.50q: %q, want %q", text, got, want)
		}
	}
}

func TestFindEmail(t *testing.T) {
	for text, want := range map[string]string{
		"mail em: Le.An@Example.com.": "Le.An@example.com", "<b+c@example.com.vn>": "b+c@example.com.vn", "em@ anh@example": "",
		"@an": "", "a@gmail.com": "", "x@@example.com": "", "không có": "", "(d@example.com)": "d@example.com", "a@1.2": "",
	} {
		if got := findEmail(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestChatTime(t *testing.T) {
	hanoi, err := time.LoadLocation("Asia/Ho_Chi_Minh")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"1528402837.617": "2018-06-07T20:20:37.617Z", "1528402837": "2018-06-07T20:20:37Z", "1699003881354": "2023-11-03T09:31:21.354Z",
		"1699003881354.5": "2023-11-03T09:31:21.354Z", "1699003881354000": "2023-11-03T09:31:21.354Z", "1699003881354000000": "2023-11-03T09:31:21.354Z",
		"1.528402837617e9": "2018-06-07T20:20:37.617Z", "2026-03-01T00:30:00": "2026-02-28T17:30:00Z", "2026-03-01T00:30:00Z": "2026-03-01T00:30:00Z",
		"2026-03-01T00:30:00.123456+07:00": "2026-02-28T17:30:00.123456Z", "2020-03-03 13:05:57 UTC": "2020-03-03T13:05:57Z", "01/03/2026 10:00": "2026-03-01T03:00:00Z",
		"2024-12-25T11:06:07.000000": "2024-12-25T04:06:07Z",
		"0":                          "", "17": "", "-5": "", "2026-03-01": "", "hôm qua": "", "1e999": "", "NaN": "", "1970-01-01T00:00:00Z": "", "": "",
	} {
		got, ok := chatTime(text, hanoi)
		if s := got.Format(time.RFC3339Nano); ok != (want != "") || ok && s != want {
			t.Errorf("%s: %s, want %s", text, s, want)
		}
	}
}

func chatRaw(t testing.TB, b turn.Body, meta map[string]string) pipeline.Raw {
	t.Helper()
	body, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return pipeline.Raw{ID: "chat-1", Source: "support", Format: turn.Format, Received: received, Meta: meta, Body: body}
}

func TestMappingOfAChat(t *testing.T) {
	b := turn.Body{Shape: "row", What: turn.Turn, Session: "s", Row: "t1", Number: 1, Turns: 1, Messages: 1,
		Facts: []byte(`{"question":"số em 0900 000 000","answer":"ok","branch":"Cầu Giấy","secret":"x","model":"m","otp_code":"482913","latency_ms":12,"turn":1}`)}
	f, err := New("support", &config.Mapping{
		Kind: "khach", Key: []string{"phone"}, Required: []string{"email"}, Drop: []string{"secret", "model"}, Where: `kind == "turn" || phone != ""`,
		Fields: map[string]config.Field{"chi_nhanh": {From: []string{"branch"}}, "slow": {Expr: "latency_ms > 10", As: "bool"}, "asked": {From: []string{"question"}}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := f(chatRaw(t, b, nil))
	if err != nil || len(got) != 2 || got[0].ID != "chat-1/1" || got[1].ID != "chat-1/2" || got[0].Kind != "turn" || got[1].Kind != "conversation" {
		t.Fatalf("%v, %v", got, err)
	}
	fields := got[0].Fields
	for name, want := range map[string]any{
		"chi_nhanh": "Cầu Giấy", "branch": nil, "secret": nil, "model": nil, "slow": true, "asked": "số em 0900 000 000", "question": "số em 0900 000 000", "phone": "+84900000000", "has_phone": true,
	} {
		if fields[name] != want {
			t.Errorf("%s is %v, want %v", name, fields[name], want)
		}
	}
	for name, v := range fields {
		if s, ok := v.(string); ok && strings.Contains(name+s, "482913") {
			t.Errorf("%s holds a one-time password", name)
		}
	}
	if strings.Contains(strings.Join(fields["flags"].([]string), " "), "missing") {
		t.Errorf("what leads require was asked of a turn: %v", fields["flags"])
	}
	b.What, b.Shape, b.Row = turn.Lead, "chatbase", "lead"
	b.Facts = []byte(`{"payload":{"customerName":"Lê Văn C","customerPhone":"0900000000"}}`)
	if got, err = f(chatRaw(t, b, nil)); err != nil || len(got) != 2 || got[1].Kind != "khach" || !strings.HasPrefix(got[1].Key, "key-") || got[1].ID != "chat-1/3" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestChatZones(t *testing.T) {
	b := turn.Body{Shape: "row", What: turn.Turn, Row: "h", Facts: []byte(`{"question":"q","ts":"2026-02-28 12:00:00"}`)}
	f, err := New("support", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for zone, want := range map[string]string{"": "2026-02-28T05:00:00Z", "UTC": "2026-02-28T12:00:00Z", "Asia/Tokyo": "2026-02-28T03:00:00Z", "no/where": "2026-02-28T05:00:00Z"} {
		got, err := f(chatRaw(t, b, map[string]string{"zone": zone}))
		if err != nil || len(got) != 1 || got[0].Fields["asked_at"] != want {
			t.Errorf("%s: %v, %v", zone, got, err)
		}
	}
}

func TestWhatIsNoTurnIsPermanent(t *testing.T) {
	f, err := New("support", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f(pipeline.Raw{ID: "x", Source: "support", Format: turn.Format, Body: []byte("{}")}); !pipeline.IsPermanent(err) {
		t.Errorf("it says %v", err)
	}
	note := turn.Body{Shape: "rasa", What: turn.Note, Session: "s", Row: "n", Parts: []turn.Part{{Role: turn.Aside, Original: []byte(`{"event":"action","name":"action_listen"}`)}}}
	_, err = f(chatRaw(t, note, nil))
	if rule, ok := pipeline.IsFiltered(err); !ok || rule != "chat.nothing_said" {
		t.Errorf("it says %v", err)
	}
}

// Names of outputs can be used in a filter without being taken for mistyped ones.
func TestChatOutputsInAFilter(t *testing.T) {
	for _, name := range chatOutputs {
		if _, err := Where(name + ` == ""`); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzChat(f *testing.F) {
	f.Add(`{"question":"số em 0900 000 000","answer":"ok","ts":1}`, "0900", "em tên là Nguyễn Văn A", "user")
	f.Add(`{"queryResult":{"intent":{"displayName":1},"parameters":[]}}`, "o9", "oo000000", "bot")
	f.Add(`{"observations":[{"model":"m","usageDetails":{"input":"x"}}],"scores":[null]}`, "", "+", "customer")
	f.Fuzz(func(t *testing.T, facts, previous, text, role string) {
		tr, err := New("support", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		findPhone(text)
		findSplitPhone(previous, text)
		findName(text)
		findEmail(text)
		b := turn.Body{Shape: "message", What: turn.Turn, Session: "s", Row: "r", Number: 1, Turns: 2, Previous: previous, Facts: []byte(facts)}
		if role != "" {
			part := []byte(`{"text":"x"}`)
			b.Parts = []turn.Part{{Role: turn.Role(role), Original: part}}
		}
		body, err := b.Encode()
		if err != nil {
			return
		}
		raw := pipeline.Raw{ID: "chat-1", Source: "support", Format: turn.Format, Received: received, Body: body}
		first, err1 := tr(raw)
		again, err2 := tr(raw)
		if (err1 == nil) != (err2 == nil) || len(first) != len(again) {
			t.Errorf("two runs differ: %v %v", err1, err2)
		}
	})
}
