package transform

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mekong/config"
	"mekong/pipeline"
)

// larkMessage is an event as the bot's source stores it.
func larkMessage(kind, content, extra string) string {
	quoted, err := json.Marshal(content)
	if err != nil {
		panic(err)
	}
	return `{"schema":"2.0","header":{"event_id":"5e3702a84e847582be8db7fb73283c02","token":"","create_time":"1772334240000","event_type":"im.message.receive_v1","tenant_key":"t","app_id":"cli_1"},` +
		`"event":{"sender":{"sender_id":{"union_id":"on_1","user_id":"e33g","open_id":"ou_khach"},"sender_type":"user","tenant_key":"t"},` +
		`"message":{"message_id":"om_1","chat_id":"oc_1","chat_type":"p2p","create_time":"1772334241345","update_time":"1772334241345","message_type":"` + kind + `","content":` + string(quoted) + extra + `}}}`
}

var larkFixtures = map[string]string{
	"text":     larkMessage("text", `{"text":"Xin chào,\nem là Ánh, số 0900 000 000"}`, ""),
	"mentions": larkMessage("text", `{"text":"@_user_1 hỏi @_user_10 và @_all giúp"}`, `,"root_id":"om_0","parent_id":"om_0","thread_id":"omt_1","mentions":[{"key":"@_user_1","id":{"open_id":"ou_bot"},"name":"Tư vấn"},{"key":"@_user_10","id":{"open_id":"ou_b"},"name":"Bình"}]`),
	"group":    strings.Replace(larkMessage("text", `{"text":"giá?"}`, ""), `"p2p"`, `"group"`, 1),
	"edited":   strings.Replace(larkMessage("text", `{"text":"giá?"}`, ""), `"update_time":"1772334241345"`, `"update_time":"1772334300000000"`, 1),
	"post": larkMessage("post", `{"title":"Báo giá","content":[[{"tag":"text","text":"Xem "},{"tag":"a","href":"https://example.vn","text":"bảng giá"},{"tag":"at","user_id":"@_user_1","user_name":"x"}],[{"tag":"img","image_key":"img_1"},{"tag":"emotion","emoji_type":"SMILE"},{"tag":"at","user_id":"all"}],[{"tag":"hr"}]]}`,
		`,"mentions":[{"key":"@_user_1","id":{"open_id":"ou_bot"},"name":"Tư vấn"}]`),
	"post-tongues":  larkMessage("post", `{"vi_vn":{"title":"Chào","content":[[{"tag":"text","text":"hai"}]]},"en_us":{"title":"Hi","content":[[{"tag":"text","text":"two"}]]}}`, ""),
	"image":         larkMessage("image", `{"image_key":"img_1"}`, ""),
	"file":          larkMessage("file", `{"file_key":"file_1","file_name":"báo giá.pdf"}`, ""),
	"audio":         larkMessage("audio", `{"file_key":"file_1","duration":2100}`, ""),
	"media":         larkMessage("media", `{"file_key":"file_1","image_key":"img_1","file_name":"a.mp4","duration":60000}`, ""),
	"sticker":       larkMessage("sticker", `{"file_key":"file_1"}`, ""),
	"card":          larkMessage("interactive", `{"title":"Đơn hàng","elements":[[{"tag":"text","text":"Trạng thái: "},{"tag":"text","text":"đã giao"}],[{"tag":"img","image_key":"x"}]]}`, ""),
	"card-sent":     larkMessage("interactive", `{"config":{},"header":{"title":{"tag":"plain_text","content":"Đơn"}},"elements":[{"tag":"div","text":{"tag":"lark_md","content":"**A**"},"fields":[{"text":{"content":"B"}}]}]}`, ""),
	"share-chat":    larkMessage("share_chat", `{"chat_id":"oc_2"}`, ""),
	"share-user":    larkMessage("share_user", `{"user_id":"ou_2"}`, ""),
	"location":      larkMessage("location", `{"name":"Cầu Giấy","longitude":"105.79","latitude":"21.03"}`, ""),
	"merge-forward": larkMessage("merge_forward", `{"content":"Merged and Forwarded Message"}`, ""),
	"system":        larkMessage("system", `{"template":"{from_user} invited {to_chatters} to this chat.","from_user":["An"],"to_chatters":["Bình","Chi"],"divider_text":{}}`, ""),
	"todo":          larkMessage("todo", `{"task_id":"t","summary":{"title":"","content":[[{"tag":"text","text":"Gọi lại"}]]},"due_time":"1"}`, ""),
	"unknown":       larkMessage("hologram", `{"hologram_key":"h_1","x":[1,2]}`, ""),
	"broken":        larkMessage("text", `{"text":`, ""),
	"secret-code":   larkMessage("text", `{"text":"otp_code: 482913"}`, ""),
	"v1": `{"ts":"1772334241.7171419","uuid":"bc44","token":"","type":"event_callback","event":{"type":"message","app_id":"cli_1","msg_type":"text","text":"<at>@bot</at> giá?","text_without_at_bot":" giá? ",` +
		`"open_chat_id":"oc_1","chat_type":"private","open_id":"ou_khach","employee_id":"e1","open_message_id":"om_1","is_mention":true}}`,
	"v1-image":       `{"uuid":"bc44","type":"event_callback","event":{"type":"message","msg_type":"image","image_key":"img_1","open_chat_id":"oc_1","chat_type":"group","open_id":"ou_khach","open_message_id":"om_2"}}`,
	"v1-other":       `{"ts":"1772334241.7171419","uuid":"bc44","type":"event_callback","event":{"type":"app_open","app_id":"cli_1","applicants":[{"open_id":"ou_1"},{"open_id":"ou_2"}]}}`,
	"bot-added":      `{"schema":"2.0","header":{"event_id":"e1","create_time":"1772334241000","event_type":"im.chat.member.bot.added_v1","app_id":"cli_1"},"event":{"chat_id":"oc_1","operator_id":{"open_id":"ou_1"},"external":false,"name":"Nhóm bán hàng","i18n_names":{"en_us":"Sales"}}}`,
	"reaction":       `{"schema":"2.0","header":{"event_id":"e2","create_time":"1772334241000","event_type":"im.message.reaction.created_v1","app_id":"cli_1"},"event":{"message_id":"om_1","reaction_type":{"emoji_type":"SMILE"},"action_time":"1772334241000"}}`,
	"changed-record": `{"schema":"2.0","header":{"event_id":"e3","create_time":"1772334241000","event_type":"drive.file.bitable_record_changed_v1"},"event":{"table_id":"tbl1","revision":12345678901234567890,"action_list":[{"record_id":"rec1","after_value":[{"field_id":"fld1"}]}]}}`,
}

// made compiles a mapping and has it make records of a raw.
func made(t testing.TB, m *config.Mapping, raw pipeline.Raw) ([]pipeline.Record, error) {
	t.Helper()
	transform, err := New("bot", m, nil)
	if err != nil {
		t.Fatal(err)
	}
	return transform(raw)
}

func larkRaw(body string) pipeline.Raw {
	return pipeline.Raw{ID: "bot-om_1", Source: "bot", Format: larkEvent, Received: received, Meta: map[string]string{"content_type": jsonType}, Body: []byte(body)}
}

// goldens holds what make gives for each name against testdata/dir.
func goldens(t *testing.T, dir string, names []string, make func(t *testing.T, name string) []pipeline.Record) {
	seen := map[string]bool{}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			got := encode(t, make(t, name))
			path := filepath.Join("testdata", dir, name+".golden.json")
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("differs from %s:\n%s", path, got)
			}
		})
		seen[name+".golden.json"] = true
	}
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if !seen[filepath.Base(path)] {
			t.Errorf("%s belongs to no fixture", path)
		}
	}
}

func TestLarkGolden(t *testing.T) {
	goldens(t, "lark", slices.Sorted(maps.Keys(larkFixtures)), func(t *testing.T, name string) []pipeline.Record {
		records, err := made(t, nil, larkRaw(larkFixtures[name]))
		if err != nil {
			t.Fatal(err)
		}
		return records
	})
}

// What the golden files must say, said where it can be read.
func TestLarkTexts(t *testing.T) {
	for name, want := range map[string]string{
		"text": "Xin chào,\nem là Ánh, số 0900 000 000", "mentions": "@Tư vấn hỏi @Bình và @all giúp", "post": "Báo giá\nXem bảng giá (https://example.vn)@Tư vấn\n[image][SMILE]@all\n---",
		"post-tongues": "Hi\ntwo", "image": "[image]", "file": "[file] báo giá.pdf", "audio": "[audio] 3 s", "media": "[video] a.mp4 60 s", "sticker": "[sticker]",
		"card": "Đơn hàng\nTrạng thái: đã giao\n[image]", "card-sent": "Đơn\n**A**\nB", "share-chat": "[chat] oc_2", "share-user": "[contact] ou_2", "location": "[location] Cầu Giấy 21.03,105.79",
		"merge-forward": "[forwarded messages]", "system": "An invited Bình, Chi to this chat.", "todo": "[todo] Gọi lại", "unknown": "[hologram]", "broken": "",
		"v1": "giá?", "v1-image": "[image]",
	} {
		records, err := made(t, nil, larkRaw(larkFixtures[name]))
		if err != nil {
			t.Fatal(err)
		}
		r := records[0]
		if got, _ := r.Fields["text"].(string); got != want || r.Kind != kindMessage || r.Fields["channel"] != "lark" {
			t.Errorf("%s: %s says %q, want %q", name, r.Kind, got, want)
		}
	}
	for name, want := range map[string]string{"text": "oc_1", "group": "oc_1/ou_khach", "mentions": "omt_1", "v1": "oc_1", "v1-image": "oc_1/ou_khach"} {
		records, err := made(t, nil, larkRaw(larkFixtures[name]))
		if err != nil || records[0].Fields["session"] != want {
			t.Errorf("%s: session %v, want %s", name, records[0].Fields["session"], want)
		}
	}
	records, _ := made(t, nil, larkRaw(larkFixtures["text"]))
	if want := time.UnixMilli(1772334241345); !records[0].Occurred.Equal(want) {
		t.Errorf("occurred %v", records[0].Occurred)
	}
	records, _ = made(t, nil, larkRaw(larkFixtures["secret-code"]))
	if got := encode(t, records); bytes.Contains(got, []byte("482913")) {
		t.Errorf("the code is in\n%s", got)
	}
}

// A configured mapping reads what a message has, and can leave one out.
func TestLarkMapping(t *testing.T) {
	m := &config.Mapping{Kind: "lead", Drop: []string{"union_id"}, Where: `kind == "message" and chat_type == "p2p"`, Fields: map[string]config.Field{
		"said":  {From: []string{"text"}, As: "text"},
		"text":  {From: []string{"text"}},
		"label": {Expr: `upper(channel)`},
	}}
	records, err := made(t, m, larkRaw(larkFixtures["text"]))
	if err != nil {
		t.Fatal(err)
	}
	f := records[0].Fields
	if f["said"] != f["text"] || f["text"] == nil || f["label"] != "LARK" || f["union_id"] != nil || records[0].Kind != kindMessage {
		t.Errorf("%s %v", records[0].Kind, f)
	}
	for _, name := range []string{"group", "bot-added"} {
		if _, err := made(t, m, larkRaw(larkFixtures[name])); err == nil {
			t.Errorf("%s is not left out", name)
		} else if _, ok := pipeline.IsFiltered(err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLarkPermanent(t *testing.T) {
	for _, body := range []string{"", "phone=1", "[]", "{}", `{"encrypt":"xxx"}`, `{"event":`} {
		if _, err := made(t, nil, larkRaw(body)); !pipeline.IsPermanent(err) {
			t.Errorf("%q: %v", body, err)
		}
	}
}

// FuzzLark: any body gives bounded records of the pipeline's own kind, twice the
// same, or a permanent error.
func FuzzLark(f *testing.F) {
	for _, body := range larkFixtures {
		f.Add([]byte(body))
	}
	f.Add([]byte(larkMessage("interactive", strings.Repeat(`{"elements":[`, 40), "")))
	transform, err := New("bot", nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) { checkMade(t, transform, larkRaw(string(body))) })
}

// checkMade holds what every transform promises.
func checkMade(t *testing.T, transform pipeline.Transform, raw pipeline.Raw) {
	t.Helper()
	records, err := transform(raw)
	if err != nil {
		if _, filtered := pipeline.IsFiltered(err); !filtered && !pipeline.IsPermanent(err) {
			t.Fatalf("of no known kind: %v", err)
		}
		return
	}
	for _, r := range records {
		for name, v := range r.Fields {
			switch v.(type) {
			case string, bool, nil, []string, float64:
			default:
				t.Fatalf("%s is a %T", name, v)
			}
		}
		if r.Key == "" || r.Kind == "" || r.ID == "" {
			t.Fatalf("%+v", r)
		}
	}
	again, err := transform(raw)
	if err != nil || !bytes.Equal(encode(t, again), encode(t, records)) {
		t.Fatal("not the same twice")
	}
}
