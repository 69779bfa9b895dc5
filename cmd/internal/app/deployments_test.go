package app

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

const deployments = "../../../deployments"

func deployed(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(deployments, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Dashboards and alerts ask for metrics that there are.
func TestDashboardsAskForWhatThereIs(t *testing.T) {
	var dashboard any
	if err := json.Unmarshal(deployed(t, "monitoring/grafana/dashboards/mekong.json"), &dashboard); err != nil {
		t.Fatal(err)
	}
	var alerts any
	if err := yaml.Unmarshal(deployed(t, "monitoring/alerts.yaml"), &alerts); err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, pattern := range []string{"*.go", "../../../pipeline/*/*.go", "../../../sources/*/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			source.Write(b)
		}
	}
	asked := regexp.MustCompile(`mekong_[a-z_]+`).FindAllString(string(deployed(t, "monitoring/grafana/dashboards/mekong.json"))+string(deployed(t, "monitoring/alerts.yaml")), -1)
	slices.Sort(asked)
	asked = slices.Compact(asked)
	if len(asked) < 10 {
		t.Errorf("only %q are asked for", asked)
	}
	for _, name := range asked {
		name = strings.TrimSuffix(name, "_bucket")
		short := strings.TrimPrefix(name, "mekong_intake_")
		if !strings.Contains(source.String(), `"`+name+`"`) && !strings.Contains(source.String(), `"`+short+`"`) {
			t.Errorf("nothing gives %s", name)
		}
	}
}
