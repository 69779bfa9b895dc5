package config

import "testing"

func TestWhereTracesGo(t *testing.T) {
	for endpoint, want := range map[string]string{
		"https://collector:4318":                 "https://collector:4318/v1/traces",
		"https://collector:4318/":                "https://collector:4318/v1/traces",
		"https://otlp.example.vn/otlp":           "https://otlp.example.vn/otlp/v1/traces",
		"https://otlp.example.vn/otlp/v1/traces": "https://otlp.example.vn/otlp/v1/traces",
		"http://[::1]:4318/v1/traces/":           "http://[::1]:4318/v1/traces",
	} {
		if got := (Tracing{Endpoint: endpoint}).Traces(); got != want {
			t.Errorf("%s: %s, want %s", endpoint, got, want)
		}
	}
}

func TestHeadersNeedNoTLSOnThisMachine(t *testing.T) {
	for endpoint, fine := range map[string]bool{
		"http://localhost:4318":      true,
		"http://127.0.0.1:4318":      true,
		"http://[::1]:4318":          true,
		"https://collector:4318":     true,
		"http://collector:4318":      false,
		"http://10.0.0.7:4318":       false,
		"http://localhost.evil:4318": false,
	} {
		_, err := Parse("mekong.yaml", []byte("tracing: { endpoint: \""+endpoint+"\", headers: { authorization: x } }"), testEnv)
		if (err == nil) != fine {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}
