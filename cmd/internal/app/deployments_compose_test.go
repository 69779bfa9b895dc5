package app

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"
)

// composition is as much of a compose file as is looked at.
type composition struct {
	Services map[string]service
	Networks map[string]struct{ Internal bool }
	Volumes  map[string]any
	Secrets  map[string]struct{ File string }
}

type service struct {
	Image, User, Restart string
	ReadOnly             bool     `yaml:"read_only"`
	CapDrop              []string `yaml:"cap_drop"`
	CapAdd               []string `yaml:"cap_add"`
	SecurityOpt          []string `yaml:"security_opt"`
	Privileged           bool
	MemLimit             string        `yaml:"mem_limit"`
	PidsLimit            int           `yaml:"pids_limit"`
	StopGrace            time.Duration `yaml:"stop_grace_period"`
	Ports                []string
	Volumes              []string
	Secrets              []string
	Networks             []string
	Command, Entrypoint  []string
	Environment          map[string]string
	Logging              struct{ Options map[string]string }
	DependsOn            map[string]struct{ Condition string } `yaml:"depends_on"`
	Healthcheck          *struct {
		Test    []string
		Disable bool
	}
	Build *struct{ Context, Dockerfile string }
}

func composed(t *testing.T, name string) composition {
	t.Helper()
	var c composition
	if err := yaml.Unmarshal(deployed(t, name), &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Services) < 3 {
		t.Fatalf("%s: only %d services", name, len(c.Services))
	}
	return c
}

// oneShot ends by itself; unasked are what has no port to be asked at, with --only.
var (
	oneShot = []string{"mongodb-set"}
	unasked = []string{"intake", "transform", "deliver", "mongodb-set"}
)

var composeFiles = []string{"compose.yaml", "compose.cluster.yaml"}

// Whatever runs is named with its version, can do as little as possible, and is bounded.
func TestComposedServicesAreClosed(t *testing.T) {
	for _, name := range composeFiles {
		for who, s := range composed(t, name).Services {
			must := func(ok bool, what string) {
				if !ok {
					t.Errorf("%s: service %s %s", name, who, what)
				}
			}
			_, tag, _ := strings.Cut(s.Image, ":")
			must(tag != "" && !strings.Contains(tag, "latest"), "runs "+s.Image+", which may be another one tomorrow")
			must(s.ReadOnly, "can write to its image")
			must(slices.Equal(s.CapDrop, []string{"ALL"}) && !s.Privileged, "keeps capabilities")
			must(len(s.CapAdd) == 0 || who == "proxy", "is given capabilities")
			must(slices.Contains(s.SecurityOpt, "no-new-privileges:true"), "can gain privileges")
			must(s.User != "", "does not say who it runs as")
			must(s.User != "0:0" || strings.HasPrefix(s.Image, "nats:") || who == "proxy", "runs as root")
			must(s.MemLimit != "" && s.PidsLimit > 0, "is not bounded")
			must(s.Logging.Options["max-size"] != "" && s.Logging.Options["max-file"] != "", "may fill the disk with its log")
			must(s.Restart == "unless-stopped" || slices.Contains(oneShot, who) && s.Restart == "on-failure", "is not started again")
			must(len(s.Networks) > 0, "is on the default network")
			switch disabled := s.Healthcheck != nil && s.Healthcheck.Disable; {
			case slices.Contains(unasked, who):
				must(disabled, "has no port that a health check could ask at")
			case s.Image == "mekong:local":
				must(s.Healthcheck == nil, "does without the image's own health check")
			default:
				must(!disabled && s.Healthcheck != nil && len(s.Healthcheck.Test) > 1, "has no health check")
			}
			if s.Image == "mekong:local" {
				must(s.User == "65532:65532", "is not the image's user")
				must(s.StopGrace >= 75*time.Second, "may be ended while a sign-in is renewed")
				must(s.Command == nil || slices.Contains(s.Command, "--production"), "is not run for production")
			}
			for _, p := range s.Ports {
				must(strings.HasPrefix(p, "127.0.0.1:") || who == "proxy", "can be reached from everywhere at "+p)
			}
		}
	}
}

// Every name leads somewhere: files that are mounted are there, and secrets, volumes,
// networks and services are declared, and used.
func TestComposedNamesLeadSomewhere(t *testing.T) {
	setup := string(deployed(t, "setup.sh"))
	for _, name := range composeFiles {
		c := composed(t, name)
		used := map[string]bool{}
		for who, s := range c.Services {
			for _, v := range s.Volumes {
				from, rest, _ := strings.Cut(v, ":")
				if !strings.HasPrefix(from, ".") {
					used["volume "+from] = true
					if _, ok := c.Volumes[from]; !ok {
						t.Errorf("%s: %s: volume %s is not declared", name, who, from)
					}
					continue
				}
				if !strings.HasSuffix(rest, ":ro") {
					t.Errorf("%s: %s may write to %s", name, who, from)
				}
				if _, err := os.Stat(filepath.Join(deployments, from)); err != nil {
					t.Errorf("%s: %s: %v", name, who, err)
				}
			}
			for _, secret := range s.Secrets {
				used["secret "+secret] = true
				if c.Secrets[secret].File == "" {
					t.Errorf("%s: %s: secret %s is not declared", name, who, secret)
				}
			}
			for _, v := range s.Environment {
				if file, ok := strings.CutPrefix(v, "/run/secrets/"); ok && !slices.Contains(s.Secrets, file) {
					t.Errorf("%s: %s reads the secret %s and has it not", name, who, file)
				}
			}
			for _, n := range s.Networks {
				used["network "+n] = true
				if _, ok := c.Networks[n]; !ok {
					t.Errorf("%s: %s: network %s is not declared", name, who, n)
				}
			}
			for other, how := range s.DependsOn {
				o, ok := c.Services[other]
				if !ok || how.Condition == "service_healthy" && o.Healthcheck == nil {
					t.Errorf("%s: %s waits for %s, of which nobody can tell (%s)", name, who, other, how.Condition)
				}
			}
			if b := s.Build; b != nil {
				if _, err := os.Stat(filepath.Join(deployments, b.Context, b.Dockerfile)); err != nil {
					t.Errorf("%s: %s: %v", name, who, err)
				}
			}
		}
		for who, s := range c.Services {
			store := strings.HasPrefix(s.Image, "nats:") || strings.HasPrefix(s.Image, "mongo:")
			if store && !slices.Equal(s.Networks, []string{"back"}) {
				t.Errorf("%s: %s is on %v", name, who, s.Networks)
			}
		}
		if !c.Networks["back"].Internal {
			t.Errorf("%s: the stores can be reached from outside", name)
		}
		for _, secret := range slices.Sorted(maps.Keys(c.Secrets)) {
			file := c.Secrets[secret].File
			if file != "./secrets/"+secret || !regexp.MustCompile(`(?m)^made `+secret+`$|> secrets/`+secret+`$`).MatchString(setup) {
				t.Errorf("%s: setup.sh does not make %s", name, file)
			}
			if !used["secret "+secret] {
				t.Errorf("%s: nobody uses secret %s", name, secret)
			}
		}
		for v := range c.Volumes {
			if !used["volume "+v] {
				t.Errorf("%s: nobody uses volume %s", name, v)
			}
		}
		for n := range c.Networks {
			if !used["network "+n] {
				t.Errorf("%s: nobody is on network %s", name, n)
			}
		}
	}
}

// Roles that are scaled by themselves are all there are, each once.
func TestComposedRolesAreAll(t *testing.T) {
	var roles []string
	for who, s := range composed(t, "compose.cluster.yaml").Services {
		if i := slices.Index(s.Command, "--only"); i >= 0 {
			roles = append(roles, strings.Split(s.Command[i+1], ",")...)
			if s.Command[i+1] != who {
				t.Errorf("service %s is %s", who, s.Command[i+1])
			}
		}
	}
	slices.Sort(roles)
	if want := slices.Sorted(slices.Values(Roles)); !slices.Equal(roles, want) {
		t.Errorf("%q run, and there are %q", roles, want)
	}
}
