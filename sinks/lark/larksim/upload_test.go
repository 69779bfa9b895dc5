package larksim_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/adler32"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"mekong/sinks/lark/larksim"
)

func TestUpload(t *testing.T) {
	w := newWorld(t, larksim.Options{})
	w.AddBase("bascnOther", "Khác")
	data := "nội dung"
	good := map[string]string{"file_name": "a.txt", "parent_type": "bitable_file", "parent_node": baseID, "size": fmt.Sprint(len(data)),
		"checksum": fmt.Sprint(adler32.Checksum([]byte(data)))}
	post := func(change map[string]string) (a answer) {
		var b bytes.Buffer
		m := multipart.NewWriter(&b)
		for k, v := range good {
			if c, ok := change[k]; ok {
				v = c
			}
			if err := m.WriteField(k, v); err != nil {
				t.Fatal(err)
			}
		}
		f, err := m.CreateFormFile("file", "a.txt")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(f, data)
		m.Close()
		req, err := http.NewRequest("POST", host+"/open-apis/drive/v1/medias/upload_all", &b)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", m.FormDataContentType())
		req.Header.Set("Authorization", "Bearer "+w.token)
		resp, err := w.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		a.err = json.NewDecoder(resp.Body).Decode(&a)
		return a
	}
	for _, c := range []struct {
		change map[string]string
		code   int
	}{
		{map[string]string{"size": "1"}, 1061002}, {map[string]string{"parent_type": "docx_file"}, 1061002}, {map[string]string{"checksum": "1"}, 1061002},
		{map[string]string{"parent_node": "none"}, 1061044}, {map[string]string{"parent_node": "bascnOther"}, 1061004},
	} {
		post(c.change).want(t, c.code)
	}
	a := post(nil)
	a.want(t, 0)
	var d struct {
		Token string `json:"file_token"`
	}
	a.into(t, &d)
	w.do("POST", w.records(""), map[string]any{"fields": map[string]any{"Tệp": []any{map[string]any{"file_token": d.Token}}}}).want(t, 0)
	if got := w.do("POST", w.records("/search"), nil); !strings.Contains(string(got.Data), `"name":"a.txt"`) {
		t.Errorf("read: %s", got.Data)
	}
}
