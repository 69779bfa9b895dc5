package config

import "testing"

func TestSilenceMutes(t *testing.T) {
	s := Silence{Mute: []string{" ielts tháng 11 ", "landing/TOEIC", "chat/"}}
	for _, c := range []struct {
		source, form string
		want         bool
	}{
		{"landing", "IELTS tháng 11", true},
		{"zalo", "IELTS tháng 11", true},
		{"landing", "toeic", true},
		{"zalo", "TOEIC", false},
		{"chat", "", true},
		{"chat", "anything", true},
		{"landing", "", false},
	} {
		if got := s.Mutes(c.source, c.form); got != c.want {
			t.Errorf("%s/%s: %v", c.source, c.form, got)
		}
	}
	off := Silence{Off: true}
	if !off.Mutes("landing", "") {
		t.Error("off mutes nothing")
	}
}
