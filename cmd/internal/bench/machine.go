package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Machine is what the figures were measured on, and how.
type Machine struct {
	Platform string   `json:"platform"`
	Cores    int      `json:"cores"` // that Go uses
	Go       string   `json:"go"`
	Load     *float64 `json:"load,omitempty"`           // processes running when it began; nil: not readable here
	Syncs    float64  `json:"fsync_per_second"`         // 1 KiB appended and flushed, one after the other
	SyncTime float64  `json:"fsync_ms"`                 // its median
	Flushes  bool     `json:"flushes_readable"`         // whether flushes per lead could be read
	Others   *float64 `json:"other_flushes_per_second"` // of the device while nothing was measured; nil: not readable
	Sync     string   `json:"sync_mode"`                // what an answer waits for
	Replicas int      `json:"replicas"`                 // of each stream
	Payload  int      `json:"payload_bytes"`            // of one form
}

const looking = 300 * time.Millisecond

func (r *run) machine() Machine {
	m := Machine{
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Cores:    runtime.GOMAXPROCS(0),
		Go:       runtime.Version(),
		Sync:     "fsync before each answer (sync_interval: always)",
		Replicas: 1,
		Payload:  newMint().payload(),
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		if v, err := strconv.ParseFloat(strings.SplitN(string(text), " ", 2)[0], 64); err == nil {
			m.Load = &v
		}
	}
	if before, ok := r.disk.count(); ok {
		time.Sleep(looking) // what is looked at is the time itself
		after, _ := r.disk.count()
		others := float64(after-before) / looking.Seconds()
		m.Flushes, m.Others = true, &others
	}
	m.Syncs, m.SyncTime = syncs(r.dir)
	return m
}

// syncs appends and flushes a kibibyte for a while, as the naive door does.
// Zeroes mean that it could not.
func syncs(dir string) (perSecond, ms float64) {
	f, err := os.Create(filepath.Join(dir, "fsync"))
	if err != nil {
		return 0, 0
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 1024)
	var took []float64
	began := time.Now()
	for time.Since(began) < looking {
		at := time.Now()
		if _, err := f.Write(block); err != nil {
			return 0, 0
		}
		if err := f.Sync(); err != nil {
			return 0, 0
		}
		took = append(took, time.Since(at).Seconds()*1000)
	}
	perSecond = float64(len(took)) / time.Since(began).Seconds()
	slices.Sort(took)
	return perSecond, took[len(took)/2]
}

func (m Machine) loadText() string {
	if m.Load == nil {
		return "load " + unreadable
	}
	return fmt.Sprintf("load %.2f when it began", *m.Load)
}

func (m Machine) diskText() string {
	s := fmt.Sprintf("%s fsync/s one after the other, median %s ms; device flushes ", number(m.Syncs), number(m.SyncTime))
	if m.Others == nil {
		return s + unreadable
	}
	return s + fmt.Sprintf("read from the kernel, %s a second by others before", number(*m.Others))
}
