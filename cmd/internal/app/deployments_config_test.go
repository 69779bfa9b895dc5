package app

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"mekong/config"
)

const oneSecret = "0123456789abcdef0123456789abcdef0123456789abcdef"

// secretFolder has every file that a text of ours refers to below /run/secrets.
func secretFolder(t *testing.T, text string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, m := range regexp.MustCompile(`/run/secrets/(\w+)`).FindAllStringSubmatch(text, -1) {
		put(t, filepath.Join(dir, m[1]), oneSecret)
	}
	return dir
}

// The configurations that are shipped are fit for what they are shipped for, and ask for
// no more than the NATS beside them has room for.
func TestDeployedConfigurations(t *testing.T) {
	for _, c := range []struct {
		name, nats, compose string
		services            []string
		replicas            int
	}{
		{"mekong.yaml", "nats.conf", "compose.yaml", []string{"mekong"}, 1},
		{"cluster/mekong.yaml", "cluster/nats.conf", "compose.cluster.yaml", []string{"intake", "transform", "deliver", "console"}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := string(deployed(t, c.name))
			conf, err := config.Parse(c.name, []byte(strings.ReplaceAll(text, "/run/secrets", filepath.ToSlash(secretFolder(t, text)))),
				func(string) (string, bool) { return "", false })
			if err != nil {
				t.Fatal(err)
			}
			if problems := Compile(conf); len(problems) > 0 {
				t.Error(problems)
			}
			if err := fitForProduction(conf); err != nil {
				t.Error(err)
			}
			compose := composed(t, c.compose)
			for _, who := range c.services {
				for _, m := range regexp.MustCompile(`/run/secrets/(\w+)`).FindAllStringSubmatch(text, -1) {
					if !slices.Contains(compose.Services[who].Secrets, m[1]) {
						t.Errorf("%s has no secret %s", who, m[1])
					}
				}
			}
			for _, url := range strings.Split(conf.NATS.URL, ",") {
				host := strings.TrimSuffix(strings.TrimPrefix(url, "nats://"), ":4222")
				if _, ok := compose.Services[host]; !ok {
					t.Errorf("there is no service %s", host)
				}
			}
			o := natsConfigured(t, c.nats)
			if conf.NATS.Replicas != c.replicas || len(o.Routes) != 0 && len(o.Routes) != c.replicas {
				t.Errorf("%d replicas, %d routes", conf.NATS.Replicas, len(o.Routes))
			}
			if int64(conf.NATS.MaxBytes) > o.JetStreamMaxStore {
				t.Errorf("mekong may keep %d bytes, and NATS has room for %d", conf.NATS.MaxBytes, o.JetStreamMaxStore)
			}
			if o.Authorization != conf.NATS.Token.Reveal() {
				t.Error("NATS asks for another token than mekong shows")
			}
		})
	}
}

// natsConfigured reads a NATS configuration as the server does, with secrets as setup.sh
// makes them.
func natsConfigured(t *testing.T, name string) *natsserver.Options {
	t.Helper()
	root := t.TempDir()
	put(t, filepath.Join(root, "etc/nats/nats.conf"), string(deployed(t, name)))
	setup := string(deployed(t, "setup.sh"))
	for _, made := range []struct{ file, text, like string }{
		{"nats_auth", `authorization { token: "` + oneSecret + `" }`, `authorization { token: "%s" }`},
		{"nats_routes", `authorization { user: "route", password: "` + oneSecret + `", timeout: 5 }
routes: [ "nats://route:x@nats-1:6222"
"nats://route:x@nats-2:6222"
"nats://route:x@nats-3:6222" ]`, `authorization { user: "route", password: "%s", timeout: 5 }`},
	} {
		if !strings.Contains(setup, made.like) {
			t.Errorf("setup.sh makes %s of another form", made.file)
		}
		put(t, filepath.Join(root, "run/secrets", made.file), made.text)
	}
	t.Setenv("NATS_NAME", "nats-1")
	o, err := natsserver.ProcessConfigFile(filepath.Join(root, "etc/nats/nats.conf"))
	if err != nil {
		t.Fatal(err)
	}
	if !o.SyncAlways || o.HTTPPort != 8222 || o.StoreDir != "/data" || o.ServerName == "" || o.MaxPayload < 1<<20 {
		t.Errorf("%s: sync_interval always %v, monitoring at %d, store %q, named %q, payloads of %d", name, o.SyncAlways, o.HTTPPort, o.StoreDir, o.ServerName, o.MaxPayload)
	}
	if len(o.Routes) > 0 && (o.Cluster.Username != "route" || o.Cluster.Password != oneSecret) {
		t.Error("anybody may join the cluster")
	}
	return o
}

// The image is built by the compiler that go.mod asks for, from the program alone, and
// runs as nobody.
func TestDockerfile(t *testing.T) {
	text := string(deployed(t, "Dockerfile"))
	mod, err := os.ReadFile("../../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(mod))[1]
	for _, want := range []string{
		"FROM golang:" + version + " AS build\n", "\nFROM scratch\n", "\nUSER 65532:65532\n", "\nHEALTHCHECK ", `"doctor", "--ready"`,
		"ARG TAGS=mekong_no_embedded_mongodb\n", "CGO_ENABLED=0", "--chown=65532:65532", "ca-certificates.crt", `ENTRYPOINT ["/mekong"]`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q", want)
		}
	}
	if strings.Contains(text, "latest") || strings.Contains(text, "\nADD ") {
		t.Error("it fetches what may be another thing tomorrow")
	}
	ignored, err := os.ReadFile("../../../.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	var in []string
	for _, line := range strings.Split(string(ignored), "\n") {
		if name, ok := strings.CutPrefix(line, "!"); ok {
			in = append(in, name)
		}
	}
	want := []string{"go.mod", "go.sum", "cmd", "config", "deployments/appsscript", "pipeline", "sinks", "sources", "transform"}
	if !strings.Contains(string(ignored), "\n*\n") || !slices.Equal(in, want) {
		t.Errorf("the image's context is %q", in)
	}
}

// What the unit promises is in it, and nothing that it would take from the program.
func TestSystemdUnit(t *testing.T) {
	text := string(deployed(t, "mekong.service"))
	for _, want := range []string{
		"User=mekong", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=\n", "StateDirectory=mekong", "UMask=0077",
		"TimeoutStopSec=75", "Restart=always", "StartLimitIntervalSec=0", "AF_UNIX", "SystemCallFilter=@system-service", "run --production",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %s", want)
		}
	}
}
