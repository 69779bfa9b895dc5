package sheets

import (
	"math"
	"testing"
	"time"

	api "google.golang.org/api/sheets/v4"

	"mekong/pipeline"
)

// Whatever number a cell of dates holds, it is read as a time that is written as the
// same number, or as a number.
func FuzzShown(f *testing.F) {
	for _, n := range []float64{0, 1, 46084.395833333336, 46084.99999999, -1, 1e18, math.NaN(), math.Inf(1), 2_958_465.5} {
		f.Add(n)
	}
	zone := time.FixedZone("", 7*3600)
	f.Fuzz(func(t *testing.T, n float64) {
		for _, kind := range []string{"", "DATE", "DATE_TIME", "TIME", "NUMBER"} {
			c := &api.CellData{EffectiveValue: &api.ExtendedValue{NumberValue: &n}, EffectiveFormat: &api.CellFormat{NumberFormat: &api.NumberFormat{Type: kind}}}
			switch v := shown(c, kind == "", zone).(type) {
			case string:
				at, err := time.Parse(time.RFC3339Nano, v)
				if kind == "DATE" {
					at, err = time.ParseInLocation(time.DateOnly, v, zone)
				}
				most := 1.0 / 86_400_000
				if kind == "DATE" {
					most = 1
				}
				if err != nil || at.Year() < 2150 && math.Abs(serial(at, zone)-n) > most {
					t.Errorf("%v as %q is read as %q, which is %v: %v", n, kind, v, serial(at, zone), err)
				}
			case float64:
				if v != n && !math.IsNaN(n) {
					t.Errorf("%v as %q is read as %v", n, kind, v)
				}
			default:
				t.Errorf("%v as %q is read as %v", n, kind, v)
			}
		}
	})
}

func TestParseVersion(t *testing.T) {
	at := time.Date(2026, 3, 3, 9, 30, 0, 123456789, time.UTC)
	r := pipeline.Record{ID: "an id with spaces", Occurred: at, Received: at.Add(time.Second)}
	v := version(&r)
	occurred, received, id := parseVersion(v)
	if !isVersion(v) || !occurred.Equal(r.Occurred) || !received.Equal(r.Received) || id != r.ID {
		t.Errorf("%q is %s, %s, %q", v, occurred, received, id)
	}
}
