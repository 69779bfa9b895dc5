package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"mekong/pipeline"
	"mekong/pipeline/bus"
	"mekong/sinks/lark"
)

// folder sees whether data_dir can be written to, and what room there is. A folder
// that is not there yet is judged by the one that it will be made in.
func (e *examination) folder(context.Context) []pipeline.Finding {
	dir, err := filepath.Abs(e.c.DataDir)
	if err != nil {
		return []pipeline.Finding{{Level: pipeline.Fail, Setting: "data_dir", What: err.Error(), Fix: "write the whole path"}}
	}
	there := dir
	for {
		info, err := os.Stat(there)
		if err == nil && !info.IsDir() {
			return []pipeline.Finding{{Level: pipeline.Fail, Setting: "data_dir", What: there + " is a file, not a folder", Fix: "name a folder"}}
		}
		if err == nil || there == filepath.Dir(there) {
			break
		}
		there = filepath.Dir(there)
	}
	found := []pipeline.Finding{{Setting: "data_dir", What: dir + " can be written to"}}
	if there != dir {
		found[0].What = dir + " is made at the first start"
	}
	if err := tryWriting(there); err != nil {
		return []pipeline.Finding{{Level: pipeline.Fail, Setting: "data_dir", What: there + " cannot be written to: " + err.Error(),
			Fix: "give the folder to the user that Mekong runs as, or name another one"}}
	}
	free, total, err := diskSpace(there)
	if err != nil || total == 0 {
		return append(found, pipeline.Finding{Level: pipeline.Warn, Setting: "data_dir", What: "how much room there is cannot be told"})
	}
	return append(found, e.room(free, total))
}

func tryWriting(dir string) error {
	f, err := os.CreateTemp(dir, ".mekong-doctor-*")
	if err != nil {
		return cause(err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	if _, err = f.WriteString("written by mekong doctor\n"); err == nil {
		err = f.Sync()
	}
	return cause(errors.Join(err, f.Close()))
}

// cause is what a file error says besides the path.
func cause(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// room judges the free space by what the bus keeps in reserve (nats.reserve, at most
// 10 GiB), below which it refuses deliveries.
func (e *examination) room(free, total uint64) pipeline.Finding {
	reserve := min(total/100*uint64(max(e.c.NATS.Reserve, 0)), 10<<30)
	if e.c.NATS.URL != "" && !e.c.NATS.Gateway {
		reserve = 64 << 20
	}
	f := pipeline.Finding{Setting: "data_dir", What: fmt.Sprintf("%.1f GiB of %.1f GiB are free", float64(free)/(1<<30), float64(total)/(1<<30))}
	switch {
	case free < reserve:
		f.Level, f.What = pipeline.Fail, f.What+fmt.Sprintf(", and %.1f GiB are kept in reserve: deliveries are refused", float64(reserve)/(1<<30))
		f.Fix = "free some space on the volume, or lower nats.reserve"
	case free < 2*reserve:
		f.Level, f.What = pipeline.Warn, f.What+fmt.Sprintf("; below %.1f GiB deliveries are refused", float64(reserve)/(1<<30))
		f.Fix = "free some space on the volume soon"
	}
	return f
}

// clock compares this machine's time with what the destinations say it is. Leads are
// ordered by it, and signed requests are refused by it.
func (e *examination) clock(ctx context.Context) []pipeline.Finding {
	now := time.Now()
	if now.Year() < 2026 {
		return []pipeline.Finding{{Level: pipeline.Fail, Setting: "clock", What: "this machine believes that it is " + now.Format("2006-01-02"), Fix: "set its clock, or switch on NTP"}}
	}
	for _, name := range e.c.SinkNames() {
		l := e.c.Sinks[name].LarkBase
		if l == nil {
			continue
		}
		address := l.Endpoint
		if address == "" {
			brand := l.Brand
			if link, err := lark.ParseLink(l.URL); brand == "" && err == nil {
				brand = link.Brand
			}
			address = map[string]string{lark.BrandLark: "https://open.larksuite.com", lark.BrandFeishu: "https://open.feishu.cn"}[brand]
		}
		if off, err := clockOff(ctx, address); err == nil {
			return []pipeline.Finding{judgeClock(off, name)}
		}
	}
	return []pipeline.Finding{{Setting: "clock", What: "it is " + now.Format("2006-01-02 15:04 -07:00") + " here; no destination could be asked for the time"}}
}

// clockOff is how far this machine's clock is ahead of a server's, which tells
// seconds only.
func clockOff(ctx context.Context, address string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, address, nil)
	if err != nil {
		return 0, err
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	began := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	_ = resp.Body.Close() // HEAD has none
	took := time.Since(began)
	theirs, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0, err
	}
	return began.Add(took / 2).Sub(theirs.Add(500 * time.Millisecond)), nil
}

func judgeClock(off time.Duration, sink string) pipeline.Finding {
	f := pipeline.Finding{Setting: "clock", What: "the clock agrees with the one of sink " + sink}
	direction := "ahead of"
	if off < 0 {
		direction = "behind"
	}
	abs := off.Abs()
	if abs < 30*time.Second {
		return f
	}
	f.What = fmt.Sprintf("the clock is %s %s the one of sink %s", abs.Round(time.Second), direction, sink)
	f.Fix = "switch on NTP on this machine"
	f.Level = pipeline.Warn
	if abs >= 5*time.Minute {
		f.Level, f.What = pipeline.Fail, f.What+": requests that carry a time are refused, and leads are put in the wrong order"
	}
	return f
}

// nats sees whether deliveries can be stored. An embedded server is started and
// stopped again, where it was made before and nobody has it open. To an external one
// the bus is opened as `run` does it, which makes the streams if they are not there.
func (e *examination) nats(ctx context.Context) []pipeline.Finding {
	n := e.c.NATS
	if n.Gateway {
		return e.gateway(ctx)
	}
	if n.URL != "" {
		found := e.externalNATS(ctx)
		if dir := (&App{config: e.c}).leftByGateway(); dir != "" {
			found = append(found, pipeline.Finding{Level: pipeline.Warn, Setting: "nats.gateway", What: "this was a gateway, and what it did not pass on waits in " + dir, Fix: "set nats.gateway again until mekong doctor says that nothing waits, then delete the folder"})
		}
		return found
	}
	err := e.server(ctx)
	switch {
	case errors.Is(err, errNoNATS):
		return []pipeline.Finding{{Setting: "nats", What: err.Error()}}
	case natsInUse(err):
		return []pipeline.Finding{{Setting: "nats", What: "a mekong is running on this data_dir and has the embedded NATS open; its state is at http://" + dialable(e.c.HTTP.Console) + "/readyz"}}
	case err != nil:
		return []pipeline.Finding{{Level: pipeline.Fail, Setting: "nats", What: err.Error(), Fix: "see that the user Mekong runs as may write to data_dir, and that there is room"}}
	}
	if err := e.app.nats.Healthy(); err != nil {
		return []pipeline.Finding{{Level: pipeline.Fail, Setting: "nats", What: err.Error(), Fix: "see what the log of mekong run says; the files are in data_dir"}}
	}
	return []pipeline.Finding{{Setting: "nats", What: "the embedded NATS starts, and every lead is flushed to disk before it is answered"}}
}

func (e *examination) externalNATS(ctx context.Context) []pipeline.Finding {
	a := &App{config: e.c, log: e.log}
	defer a.Close()
	if err := a.openBus(ctx); err != nil {
		return []pipeline.Finding{{Level: pipeline.Fail, Setting: "nats.url", What: err.Error(), Fix: "see that the server runs with JetStream, that nats.url is its address, and that the login is right"}}
	}
	return []pipeline.Finding{judgeDurability(a.Bus.Durability())}
}

func judgeDurability(d bus.Durability) pipeline.Finding {
	f := pipeline.Finding{Setting: "nats", What: "NATS is new enough and takes leads; " + d.String()}
	if !d.Synced {
		f.Level, f.Fix = pipeline.Warn, "set sync_interval: always in the jetstream block of the NATS server's configuration"
		if !d.Known {
			f.Setting, f.Fix = "nats.monitor", "set nats.monitor to the server's monitoring port, such as http://nats-1:8222, so that it can be verified"
		}
	}
	return f
}
