package appsscript_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"mekong/pipeline"
	"mekong/sinks/appsscript/scriptsim"
)

func TestSurvey(t *testing.T) {
	t.Parallel()
	onBoth(t, defaults(), func(t *testing.T, b backend) {
		b.cell(1, 1, "Số điện thoại", "")
		b.cell(1, 3, "Họ tên", "")
		w := newWorld(t, b)
		s := w.sink(t, nil)
		before := b.dump(t)
		v, found := s.Survey(t.Context())
		if v == nil || v.Title != "Khách hàng" || v.Tab != "Trang tính1" || !slices.Equal(v.Headers, []string{"Số điện thoại", "", "Họ tên"}) {
			t.Errorf("the survey is %+v, %+v", v, found)
		}
		if after := b.dump(t); !reflect.DeepEqual(after, before) {
			t.Error("a survey changed the tab")
		}
		for _, fault := range []scriptsim.Fault{scriptsim.Login, scriptsim.Missing, scriptsim.NotFound} {
			w.server.Inject(fault, -1)
			v, found := s.Survey(t.Context())
			if v != nil || len(found) != 1 || found[0].Level != pipeline.Fail || found[0].Fix == "" || !strings.HasPrefix(found[0].Setting, "sinks.crm.appsscript") {
				t.Errorf("%s: %+v, %+v", fault, v, found)
			}
		}
		w.server.Clear()
	})
}
