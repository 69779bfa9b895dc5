package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReady(t *testing.T) {
	fine := true
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" || !fine {
			http.Error(w, "the disk is full", http.StatusServiceUnavailable)
		}
	}))
	path := inFile(t, "mekong.yaml", "http: {console: '"+strings.TrimPrefix(srv.URL, "http://")+"'}\n")
	if code, out, errOut := mekong(t, "doctor", "--ready", "-c", path); code != exitOK || out != "ready\n" {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
	fine = false
	if code, _, errOut := mekong(t, "doctor", "--ready", "-c", path); code != exitFailed || !strings.Contains(errOut, "the disk is full") {
		t.Errorf("exit %d: %s", code, errOut)
	}
	srv.Close()
	if code, _, errOut := mekong(t, "doctor", "--ready", "-c", path); code != exitFailed || !strings.Contains(errOut, "is mekong run up?") {
		t.Errorf("exit %d: %s", code, errOut)
	}
}
