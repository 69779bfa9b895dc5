package console

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"mekong/pipeline/bus"
)

// chromium gives a browser to drive, where there is one on this machine.
func chromium(t *testing.T) *tab {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("there is no Chromium on this machine (looked for chromium and google-chrome in PATH): the pages are not seen in a browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("accept-lang", "vi"), chromedp.Flag("disable-dev-shm-usage", true))
	alloc, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil { // starts it
		t.Fatal(err)
	}
	ctx, cancel = context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	return &tab{t, ctx}
}

// tab is one page of a browser. What goes wrong in it ends the test.
type tab struct {
	t   *testing.T
	ctx context.Context
}

type step = chromedp.Action[chromedp.Void]

func (b *tab) do(what string, steps ...step) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

func ask[T any](b *tab, a chromedp.Action[T]) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, a)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// shoot keeps what the browser shows, for people to look at.
func (b *tab) shoot(name string) {
	b.t.Helper()
	png := ask(b, chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) heading() string { b.t.Helper(); return ask(b, chromedp.Text("main h1")) }

func TestInABrowser(t *testing.T) {
	b := chromium(t)
	var stored atomic.Int64
	w := newWorld(t, func(o *Options) {
		o.Now = time.Now
		o.Flow = func(context.Context) (Snapshot, error) {
			s := snapshot(time.Now())
			n := stored.Load()
			s.Sinks[0].Balance = bus.Balance{Accepted: n, Stored: n}
			return s, nil
		}
	})
	w.Console.flow.mu.Lock()
	for i := range int64(360) { // an hour that went well
		w.Console.flow.history.add(sight{At: time.Now().Add(time.Duration(i-360) * sampleEvery), Snapshot: Snapshot{Sinks: []SinkNow{
			{Balance: bus.Balance{Accepted: i * i / 4, Stored: i * i / 4}}, {Balance: bus.Balance{Stored: i * 20, Waiting: i % 40}}}}})
	}
	w.Console.flow.mu.Unlock()
	b.do("signing in",
		chromedp.EmulateViewport(1280, 900),
		chromedp.Navigate(w.base+"/flow"),
		chromedp.WaitVisible("#password"),
		chromedp.SendKeys("#name", "an"),
		chromedp.SendKeys("#password", operatorPassword+"\r"),
		chromedp.WaitVisible(".picture"))
	if got := b.heading(); got != "Dòng chảy" {
		t.Errorf("the page is %q", got)
	}
	// A lead that is stored is seen at once, without anybody loading the page again.
	stored.Store(4217)
	began := time.Now()
	ask(b, chromedp.Poll[bool](`document.querySelector('[data-live="sink.archive.stored"]').textContent === "4.217"`, chromedp.WithPollingTimeout(5*time.Second)))
	t.Logf("a stored lead is on the page after %s", time.Since(began).Round(time.Millisecond))
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %s to be seen, want less than a second", took)
	}
	b.shoot("flow-vi")
	b.do("the other language", chromedp.Click(`a[href^="/language/en"]`), chromedp.WaitVisible(`html[lang="en"] .picture`))
	if got := b.heading(); got != "Flow" {
		t.Errorf("in English the page is %q", got)
	}
	b.shoot("flow-en")
	for _, page := range tabs {
		b.do(page, chromedp.Click(`nav a[href="/`+page+`"]`), chromedp.WaitVisible(`body[data-page="`+page+`"] h1`))
		b.shoot(page)
	}
	for _, page := range tabs {
		b.do("a phone", chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile), chromedp.Navigate(w.base+"/"+page), chromedp.WaitVisible("main h1"))
		if ask(b, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > document.documentElement.clientWidth`)) {
			t.Errorf("on a phone %s is wider than the screen", page)
		}
		b.shoot("phone-" + page)
	}
	// What is new waits to be asked for.
	b.do("leads", chromedp.Navigate(w.base+"/leads"), chromedp.WaitVisible("main h1"))
	stored.Add(12)
	b.do("new ones wait", chromedp.WaitVisible("[data-new]"))
	if got := ask(b, chromedp.Text("[data-new]")); got != "12 new" {
		t.Errorf("twelve new leads are told as %q", got)
	}
	b.do("one lead", chromedp.Click("tbody a"), chromedp.WaitVisible(".steps"))
	b.shoot("phone-lead")
	// The keyboard reaches everything: the first stop is the way past the navigation.
	b.do("the keyboard", chromedp.Navigate(w.base+"/flow"), chromedp.WaitVisible("main h1"), chromedp.KeyEvent("\t"))
	if got := ask(b, chromedp.Evaluate[string](`document.activeElement.className`)); got != "skip" {
		t.Errorf("the first stop of the keyboard is %q", got)
	}
	b.do("signing out", chromedp.Click("form[action='/logout'] button"), chromedp.WaitVisible("#password"))
}

var tabs = []string{"flow", "leads", "buried", "sources", "sinks", "health", "forget", "activity"}
