package lark

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"testing"

	larkcore "github.com/larksuite/oapi-sdk-go/v3/core"
	larkbitable "github.com/larksuite/oapi-sdk-go/v3/service/bitable/v1"
	larkcontact "github.com/larksuite/oapi-sdk-go/v3/service/contact/v3"
	larkim "github.com/larksuite/oapi-sdk-go/v3/service/im/v1"
	larkwiki "github.com/larksuite/oapi-sdk-go/v3/service/wiki/v2"
)

// seen is what a request looks like from the other end.
type seen struct {
	Method, Path string
	Query        url.Values
	Type, Auth   string
	Body         any
}

// recorder keeps the last request and answers that it was fine.
type recorder struct {
	t    *testing.T
	last seen
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	s := seen{Method: req.Method, Path: req.URL.EscapedPath(), Query: req.URL.Query(), Auth: req.Header.Get("Authorization")}
	if req.Body != nil {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			r.t.Error(err)
		}
		if len(b) > 0 {
			s.Type = req.Header.Get("Content-Type")
			if err := json.Unmarshal(b, &s.Body); err != nil {
				r.t.Errorf("%s: %v", b, err)
			}
		}
	}
	r.last = s
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
		Body: io.NopCloser(bytes.NewReader([]byte(`{"code":0,"msg":"success","data":{}}`)))}, nil
}

// The vendor's SDK, which other people wrote against the platform, sends the same.
func TestRequestsAreTheSDKs(t *testing.T) {
	ours, theirs := &recorder{t: t}, &recorder{t: t}
	c, err := New(Options{AppID: testApp, HTTP: &http.Client{Transport: ours}, Tokens: fixedToken()})
	if err != nil {
		t.Fatal(err)
	}
	cfg := &larkcore.Config{BaseUrl: c.endpoint, AppId: testApp, AppSecret: "x", AppType: larkcore.AppTypeSelfBuilt, HttpClient: &http.Client{Transport: theirs}}
	larkcore.NewLogger(cfg)
	larkcore.NewSerialization(cfg)
	larkcore.NewHttpClient(cfg)
	api, tok, ctx := larkbitable.New(cfg), larkcore.WithTenantAccessToken("t-hidden-token"), t.Context()

	const uuid = "6f0c1f4e-3d6b-4f0a-9c3e-0a1b2c3d4e5f"
	fields := map[string]any{"Tên": "An", "Số": 1.5, "Trang": map[string]any{"text": "x", "link": "https://example.com"}}
	rec := func(id string) *larkbitable.AppTableRecord {
		b := larkbitable.NewAppTableRecordBuilder().Fields(fields)
		if id != "" {
			b.RecordId(id)
		}
		return b.Build()
	}
	for name, call := range map[string][2]func() error{
		"batch_create": {
			func() error {
				_, err := c.BatchCreate(ctx, "bascn", "tbl1", "Tên", []Row{{Fields: fields}, {Fields: fields}}, WriteOptions{ClientToken: uuid, UserIDType: "open_id", Inconsistent: true})
				return err
			},
			func() error {
				_, err := api.AppTableRecord.BatchCreate(ctx, larkbitable.NewBatchCreateAppTableRecordReqBuilder().AppToken("bascn").TableId("tbl1").ClientToken(uuid).UserIdType("open_id").IgnoreConsistencyCheck(true).
					Body(larkbitable.NewBatchCreateAppTableRecordReqBodyBuilder().Records([]*larkbitable.AppTableRecord{rec(""), rec("")}).Build()).Build(), tok)
				return err
			},
		},
		"batch_update": {
			func() error {
				return c.BatchUpdate(ctx, "bascn", "tbl1", []Row{{ID: "rec1", Fields: fields}}, WriteOptions{Inconsistent: true})
			},
			func() error {
				_, err := api.AppTableRecord.BatchUpdate(ctx, larkbitable.NewBatchUpdateAppTableRecordReqBuilder().AppToken("bascn").TableId("tbl1").IgnoreConsistencyCheck(true).
					Body(larkbitable.NewBatchUpdateAppTableRecordReqBodyBuilder().Records([]*larkbitable.AppTableRecord{rec("rec1")}).Build()).Build(), tok)
				return err
			},
		},
		"batch_delete": {
			func() error { return c.BatchDelete(ctx, "bascn", "tbl1", []string{"rec1", "rec2"}) },
			func() error {
				_, err := api.AppTableRecord.BatchDelete(ctx, larkbitable.NewBatchDeleteAppTableRecordReqBuilder().AppToken("bascn").TableId("tbl1").
					Body(larkbitable.NewBatchDeleteAppTableRecordReqBodyBuilder().Records([]string{"rec1", "rec2"}).Build()).Build(), tok)
				return err
			},
		},
		"search": {
			func() error {
				_, err := c.Search(ctx, "bascn", "tbl1", Query{Filter: AnyOf("Mekong ID", []string{"a", "b"}), FieldNames: []string{"Mekong ID"}, Sort: []Sort{{"Số", true}}, PageSize: 100, PageToken: "p", Automatic: true})
				return err
			},
			func() error {
				cond := func(v string) *larkbitable.Condition {
					return larkbitable.NewConditionBuilder().FieldName("Mekong ID").Operator("is").Value([]string{v}).Build()
				}
				_, err := api.AppTableRecord.Search(ctx, larkbitable.NewSearchAppTableRecordReqBuilder().AppToken("bascn").TableId("tbl1").PageSize(100).PageToken("p").
					Body(larkbitable.NewSearchAppTableRecordReqBodyBuilder().AutomaticFields(true).FieldNames([]string{"Mekong ID"}).
						Sort([]*larkbitable.Sort{larkbitable.NewSortBuilder().FieldName("Số").Desc(true).Build()}).
						Filter(larkbitable.NewFilterInfoBuilder().Conjunction("or").Conditions([]*larkbitable.Condition{cond("a"), cond("b")}).Build()).Build()).Build(), tok)
				return err
			},
		},
		"batch_get": {
			func() error { _, err := c.BatchGet(ctx, "bascn", "tbl1", []string{"rec1"}, true); return err },
			func() error {
				_, err := api.AppTableRecord.BatchGet(ctx, larkbitable.NewBatchGetAppTableRecordReqBuilder().AppToken("bascn").TableId("tbl1").
					Body(larkbitable.NewBatchGetAppTableRecordReqBodyBuilder().RecordIds([]string{"rec1"}).WithSharedUrl(true).Build()).Build(), tok)
				return err
			},
		},
		"base": {
			func() error { _, err := c.Base(ctx, "bascn"); return err },
			func() error {
				_, err := api.App.Get(ctx, larkbitable.NewGetAppReqBuilder().AppToken("bascn").Build(), tok)
				return err
			},
		},
		"tables": {
			func() error { _, err := c.Tables(ctx, "bascn"); return err },
			func() error {
				_, err := api.AppTable.List(ctx, larkbitable.NewListAppTableReqBuilder().AppToken("bascn").PageSize(100).Build(), tok)
				return err
			},
		},
		"create table": {
			func() error {
				_, err := c.CreateTable(ctx, "bascn", NewTable{Name: "Khách", View: "Tất cả", Fields: []Field{{ID: "fld1", Name: "Tên", Type: TypeText, UIType: "Text", Primary: true}}})
				return err
			},
			func() error {
				_, err := api.AppTable.Create(ctx, larkbitable.NewCreateAppTableReqBuilder().AppToken("bascn").
					Body(larkbitable.NewCreateAppTableReqBodyBuilder().Table(larkbitable.NewReqTableBuilder().Name("Khách").DefaultViewName("Tất cả").
						Fields([]*larkbitable.AppTableCreateHeader{larkbitable.NewAppTableCreateHeaderBuilder().FieldName("Tên").Type(1).UiType("Text").Build()}).Build()).Build()).Build(), tok)
				return err
			},
		},
		"fields": {
			func() error { _, err := c.Fields(ctx, "bascn", "tbl1"); return err },
			func() error {
				_, err := api.AppTableField.List(ctx, larkbitable.NewListAppTableFieldReqBuilder().AppToken("bascn").TableId("tbl1").PageSize(100).Build(), tok)
				return err
			},
		},
		"create field": {
			func() error {
				_, err := c.CreateField(ctx, "bascn", "tbl1", Field{Name: "Ngày", Type: TypeDateTime, UIType: "DateTime", Property: map[string]any{"date_formatter": "yyyy/MM/dd"}}, uuid)
				return err
			},
			func() error {
				_, err := api.AppTableField.Create(ctx, larkbitable.NewCreateAppTableFieldReqBuilder().AppToken("bascn").TableId("tbl1").ClientToken(uuid).
					AppTableField(larkbitable.NewAppTableFieldBuilder().FieldName("Ngày").Type(5).UiType("DateTime").
						Property(larkbitable.NewAppTableFieldPropertyBuilder().DateFormatter("yyyy/MM/dd").Build()).Build()).Build(), tok)
				return err
			},
		},
		"wiki": {
			func() error { _, err := c.WikiNode(ctx, "wikcn"); return err },
			func() error {
				_, err := larkwiki.New(cfg).Space.GetNode(ctx, larkwiki.NewGetNodeSpaceReqBuilder().Token("wikcn").Build(), tok)
				return err
			},
		},
		"users": {
			func() error { _, err := c.UserIDs(ctx, []string{"an@example.com"}); return err },
			func() error {
				_, err := larkcontact.New(cfg).User.BatchGetId(ctx, larkcontact.NewBatchGetIdUserReqBuilder().UserIdType("open_id").
					Body(larkcontact.NewBatchGetIdUserReqBodyBuilder().Emails([]string{"an@example.com"}).Build()).Build(), tok)
				return err
			},
		},
		"send": {
			func() error { _, err := c.Send(ctx, "chat_id", "oc_1", TextMessage("chào <bạn>", uuid)); return err },
			func() error {
				_, err := larkim.New(cfg).Message.Create(ctx, larkim.NewCreateMessageReqBuilder().ReceiveIdType("chat_id").
					Body(larkim.NewCreateMessageReqBodyBuilder().ReceiveId("oc_1").MsgType("text").Content(`{"text":"chào <bạn>"}`).Uuid(uuid).Build()).Build(), tok)
				return err
			},
		},
		"reply": {
			func() error {
				_, err := c.Reply(ctx, "om_1", Message{Type: "text", Content: map[string]string{"text": "x"}, Thread: true, UUID: uuid})
				return err
			},
			func() error {
				_, err := larkim.New(cfg).Message.Reply(ctx, larkim.NewReplyMessageReqBuilder().MessageId("om_1").
					Body(larkim.NewReplyMessageReqBodyBuilder().MsgType("text").Content(`{"text":"x"}`).ReplyInThread(true).Uuid(uuid).Build()).Build(), tok)
				return err
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			ours.last, theirs.last = seen{}, seen{}
			if err := call[0](); err != nil {
				t.Fatal(err)
			}
			if err := call[1](); err != nil {
				t.Fatal(err)
			}
			if ours.last.Method == "" || !reflect.DeepEqual(ours.last, theirs.last) {
				t.Errorf("we send\n%+v\nthe SDK sends\n%+v", ours.last, theirs.last)
			}
		})
	}
}
