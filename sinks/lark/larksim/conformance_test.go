package larksim_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	larkcore "github.com/larksuite/oapi-sdk-go/v3/core"
	larkauth "github.com/larksuite/oapi-sdk-go/v3/service/auth/v3"
	larkbitable "github.com/larksuite/oapi-sdk-go/v3/service/bitable/v1"
	larkwiki "github.com/larksuite/oapi-sdk-go/v3/service/wiki/v2"

	"mekong/sinks/lark/larksim"
)

// official is the vendor's SDK, pointed at a simulator. It is a witness: it was
// written against the platform by other people.
func official(t *testing.T, w *world) (*larkcore.Config, larkcore.RequestOptionFunc) {
	t.Helper()
	srv := httptest.NewServer(w.Sim)
	t.Cleanup(srv.Close)
	cfg := &larkcore.Config{BaseUrl: srv.URL, AppId: appID, AppSecret: secret, AppType: larkcore.AppTypeSelfBuilt, HttpClient: srv.Client(),
		Logger: larkcore.NewEventLogger()}
	cfg.LogLevel = larkcore.LogLevelError
	larkcore.NewLogger(cfg)
	larkcore.NewSerialization(cfg)
	larkcore.NewHttpClient(cfg)

	resp, err := larkauth.New(cfg).TenantAccessToken.Internal(context.Background(), larkauth.NewInternalTenantAccessTokenReqBuilder().
		Body(larkauth.NewInternalTenantAccessTokenReqBodyBuilder().AppId(appID).AppSecret(secret).Build()).Build())
	if err != nil || !resp.Success() {
		t.Fatalf("token: %v %v", err, resp)
	}
	var body struct {
		Token  string `json:"tenant_access_token"`
		Expire int    `json:"expire"`
	}
	if err := json.Unmarshal(resp.RawBody, &body); err != nil || body.Token == "" || body.Expire != 7200 {
		t.Fatalf("token %+v %v", body, err)
	}
	return cfg, larkcore.WithTenantAccessToken(body.Token)
}

// must takes the response of an SDK call that is to succeed.
func must[R interface{ Success() bool }](t *testing.T) func(R, error) R {
	return func(r R, err error) R {
		t.Helper()
		if err != nil || !r.Success() {
			t.Fatalf("%T: %v", r, err)
		}
		return r
	}
}

func TestOfficialSDKRecords(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	cfg, tok := official(t, w)
	api := larkbitable.New(cfg)
	ctx := context.Background()
	rec := func(fields map[string]any) *larkbitable.AppTableRecord {
		return larkbitable.NewAppTableRecordBuilder().Fields(fields).Build()
	}
	made := must[*larkbitable.BatchCreateAppTableRecordResp](t)(api.AppTableRecord.BatchCreate(ctx, larkbitable.NewBatchCreateAppTableRecordReqBuilder().
		AppToken(baseID).TableId(w.table).ClientToken(tokenA).IgnoreConsistencyCheck(true).
		Body(larkbitable.NewBatchCreateAppTableRecordReqBodyBuilder().Records([]*larkbitable.AppTableRecord{
			rec(map[string]any{"Tên": "An", "Số": 1, "Trang": map[string]any{"text": "x", "link": "https://example.com"}}),
			rec(map[string]any{"Tên": "Bình", "Xong": true, "Ngày": 1674206443000}),
		}).Build()).Build(), tok))
	if len(made.Data.Records) != 2 || *made.Data.Records[0].RecordId == "" || *made.Data.Records[0].StringField("Tên") != "An" {
		t.Fatalf("batch_create: %s", made.RawBody)
	}
	first, second := *made.Data.Records[0].RecordId, *made.Data.Records[1].RecordId

	found := must[*larkbitable.SearchAppTableRecordResp](t)(api.AppTableRecord.Search(ctx, larkbitable.NewSearchAppTableRecordReqBuilder().
		AppToken(baseID).TableId(w.table).PageSize(500).
		Body(larkbitable.NewSearchAppTableRecordReqBodyBuilder().AutomaticFields(true).FieldNames([]string{"Tên", "Trang", "Xong"}).
			Filter(larkbitable.NewFilterInfoBuilder().Conjunction("or").Conditions([]*larkbitable.Condition{
				larkbitable.NewConditionBuilder().FieldName("Tên").Operator("is").Value([]string{"An"}).Build(),
				larkbitable.NewConditionBuilder().FieldName("Tên").Operator("is").Value([]string{"Bình"}).Build(),
			}).Build()).Build()).Build(), tok))
	if *found.Data.Total != 2 || *found.Data.HasMore || len(found.Data.Items) != 2 {
		t.Fatalf("search: %s", found.RawBody)
	}
	it := found.Data.Items[0]
	if texts, _ := it.Fields["Tên"].([]any); len(texts) != 1 {
		t.Errorf("text reads %v", it.Fields["Tên"])
	}
	if u, _ := it.Fields["Trang"].(map[string]any); u["link"] != "https://example.com" || u["text"] != "x" {
		t.Errorf("url reads %v", it.Fields["Trang"])
	}
	if b := found.Data.Items[1].BoolField("Xong"); b == nil || !*b || *it.CreatedTime != start.UnixMilli() {
		t.Errorf("items %s", found.RawBody)
	}

	must[*larkbitable.BatchUpdateAppTableRecordResp](t)(api.AppTableRecord.BatchUpdate(ctx, larkbitable.NewBatchUpdateAppTableRecordReqBuilder().
		AppToken(baseID).TableId(w.table).Body(larkbitable.NewBatchUpdateAppTableRecordReqBodyBuilder().
		Records([]*larkbitable.AppTableRecord{larkbitable.NewAppTableRecordBuilder().RecordId(first).Fields(map[string]any{"Số": 2}).Build()}).Build()).Build(), tok))
	got := must[*larkbitable.BatchGetAppTableRecordResp](t)(api.AppTableRecord.BatchGet(ctx, larkbitable.NewBatchGetAppTableRecordReqBuilder().
		AppToken(baseID).TableId(w.table).Body(larkbitable.NewBatchGetAppTableRecordReqBodyBuilder().RecordIds([]string{first, "recnone"}).Build()).Build(), tok))
	if len(got.Data.Records) != 1 || got.Data.Records[0].Fields["Số"] != 2.0 || len(got.Data.AbsentRecordIds) != 1 {
		t.Errorf("batch_get: %s", got.RawBody)
	}
	must[*larkbitable.UpdateAppTableRecordResp](t)(api.AppTableRecord.Update(ctx, larkbitable.NewUpdateAppTableRecordReqBuilder().
		AppToken(baseID).TableId(w.table).RecordId(first).AppTableRecord(rec(map[string]any{"Tên": "Ân"})).Build(), tok))
	one := must[*larkbitable.GetAppTableRecordResp](t)(api.AppTableRecord.Get(ctx, larkbitable.NewGetAppTableRecordReqBuilder().
		AppToken(baseID).TableId(w.table).RecordId(first).Build(), tok))
	if *one.Data.Record.StringField("Tên") != "Ân" {
		t.Errorf("get: %s", one.RawBody)
	}
	all := must[*larkbitable.ListAppTableRecordResp](t)(api.AppTableRecord.List(ctx, larkbitable.NewListAppTableRecordReqBuilder().
		AppToken(baseID).TableId(w.table).Filter(`CurrentValue.[Tên]="Bình"`).Build(), tok))
	if *all.Data.Total != 1 {
		t.Errorf("list: %s", all.RawBody)
	}
	gone := must[*larkbitable.BatchDeleteAppTableRecordResp](t)(api.AppTableRecord.BatchDelete(ctx, larkbitable.NewBatchDeleteAppTableRecordReqBuilder().
		AppToken(baseID).TableId(w.table).Body(larkbitable.NewBatchDeleteAppTableRecordReqBodyBuilder().Records([]string{first}).Build()).Build(), tok))
	if len(gone.Data.Records) != 1 || !*gone.Data.Records[0].Deleted {
		t.Errorf("batch_delete: %s", gone.RawBody)
	}
	del := must[*larkbitable.DeleteAppTableRecordResp](t)(api.AppTableRecord.Delete(ctx, larkbitable.NewDeleteAppTableRecordReqBuilder().
		AppToken(baseID).TableId(w.table).RecordId(second).Build(), tok))
	if !*del.Data.Deleted || w.RowCount(baseID, w.table) != 0 {
		t.Errorf("delete: %s", del.RawBody)
	}

	bad, err := api.AppTableRecord.Create(ctx, larkbitable.NewCreateAppTableRecordReqBuilder().AppToken(baseID).TableId(w.table).
		AppTableRecord(rec(map[string]any{"Số": "x"})).Build(), tok)
	if err != nil || bad.Code != 1254061 || bad.StatusCode != 500 || bad.LogId() == "" {
		t.Errorf("refusal: %v %v", bad, err)
	}
	w.Inject(larksim.Fault{Kind: larksim.Timeout, Applied: true, Next: 1})
	var slow *larkcore.ServerTimeoutError
	if _, err := api.AppTableRecord.Create(ctx, larkbitable.NewCreateAppTableRecordReqBuilder().AppToken(baseID).TableId(w.table).
		AppTableRecord(rec(map[string]any{"Tên": "x"})).Build(), tok); !errors.As(err, &slow) {
		t.Errorf("HTTP 504 gave %v", err)
	}
}

func TestOfficialSDKShape(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	w.AddApp(larksim.App{ID: "cli_narrow", Secret: secret})
	w.AddWikiNode(larksim.WikiNode{Token: "wikcnA", ObjType: "bitable", ObjToken: baseID})
	cfg, tok := official(t, w)
	api := larkbitable.New(cfg)
	ctx := context.Background()

	meta := must[*larkbitable.GetAppResp](t)(api.App.Get(ctx, larkbitable.NewGetAppReqBuilder().AppToken(baseID).Build(), tok))
	if *meta.Data.App.Name != "Bán hàng" || *meta.Data.App.IsAdvanced || *meta.Data.App.TimeZone != "Asia/Ho_Chi_Minh" {
		t.Errorf("app: %s", meta.RawBody)
	}
	table := must[*larkbitable.CreateAppTableResp](t)(api.AppTable.Create(ctx, larkbitable.NewCreateAppTableReqBuilder().AppToken(baseID).
		Body(larkbitable.NewCreateAppTableReqBodyBuilder().Table(larkbitable.NewReqTableBuilder().Name("Tháng 4").DefaultViewName("Bảng").
			Fields([]*larkbitable.AppTableCreateHeader{larkbitable.NewAppTableCreateHeaderBuilder().FieldName("Tên").Type(1).Build()}).Build()).Build()).Build(), tok))
	id := *table.Data.TableId
	if !strings.HasPrefix(id, "tbl") || len(table.Data.FieldIdList) != 1 || *table.Data.DefaultViewId == "" {
		t.Errorf("create table: %s", table.RawBody)
	}
	tables := must[*larkbitable.ListAppTableResp](t)(api.AppTable.List(ctx, larkbitable.NewListAppTableReqBuilder().AppToken(baseID).Build(), tok))
	if len(tables.Data.Items) != 2 || *tables.Data.Items[1].Name != "Tháng 4" {
		t.Errorf("list tables: %s", tables.RawBody)
	}
	field := must[*larkbitable.CreateAppTableFieldResp](t)(api.AppTableField.Create(ctx, larkbitable.NewCreateAppTableFieldReqBuilder().
		AppToken(baseID).TableId(id).ClientToken(tokenA).AppTableField(larkbitable.NewAppTableFieldBuilder().FieldName("Nguồn").Type(3).UiType("SingleSelect").
		Description(larkbitable.NewAppTableFieldDescriptionBuilder().Text("Từ đâu").Build()).
		Property(larkbitable.NewAppTableFieldPropertyBuilder().Options([]*larkbitable.AppTableFieldPropertyOption{
			larkbitable.NewAppTableFieldPropertyOptionBuilder().Name("facebook").Color(3).Build()}).Build()).Build()).Build(), tok))
	fid := *field.Data.Field.FieldId
	if *field.Data.Field.Property.Options[0].Name != "facebook" || *field.Data.Field.Description.Text != "Từ đâu" {
		t.Errorf("create field: %s", field.RawBody)
	}
	must[*larkbitable.UpdateAppTableFieldResp](t)(api.AppTableField.Update(ctx, larkbitable.NewUpdateAppTableFieldReqBuilder().
		AppToken(baseID).TableId(id).FieldId(fid).AppTableField(larkbitable.NewAppTableFieldBuilder().FieldName("Kênh").Type(3).Build()).Build(), tok))
	fields := must[*larkbitable.ListAppTableFieldResp](t)(api.AppTableField.List(ctx, larkbitable.NewListAppTableFieldReqBuilder().AppToken(baseID).TableId(id).Build(), tok))
	if *fields.Data.Total != 2 || *fields.Data.Items[1].FieldName != "Kênh" || !*fields.Data.Items[0].IsPrimary {
		t.Errorf("list fields: %s", fields.RawBody)
	}
	must[*larkbitable.DeleteAppTableFieldResp](t)(api.AppTableField.Delete(ctx, larkbitable.NewDeleteAppTableFieldReqBuilder().AppToken(baseID).TableId(id).FieldId(fid).Build(), tok))

	node := must[*larkwiki.GetNodeSpaceResp](t)(larkwiki.New(cfg).Space.GetNode(ctx, larkwiki.NewGetNodeSpaceReqBuilder().Token("wikcnA").Build(), tok))
	if *node.Data.Node.ObjToken != baseID || *node.Data.Node.ObjType != "bitable" {
		t.Errorf("node: %s", node.RawBody)
	}

	none, err := api.App.Get(ctx, larkbitable.NewGetAppReqBuilder().AppToken(baseID).Build(), larkcore.WithTenantAccessToken(w.fetch("cli_narrow", secret)))
	if err != nil || none.Code != 99991672 || len(none.CodeError.Err.PermissionViolations) != 3 || none.CodeError.Err.Helps[0].URL == "" || none.CodeError.Err.LogID == "" {
		t.Errorf("scope refusal: %v %v", none, err)
	}
	w.Inject(larksim.Fault{Kind: larksim.Page, Next: 1})
	if _, err := api.App.Get(ctx, larkbitable.NewGetAppReqBuilder().AppToken(baseID).Build(), tok); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a page instead of JSON gave %v", err)
	}
}
