package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// browser starts a Chromium and gives its first tab. Where there is none on the machine
// the test says so and is left out, as the console's is.
func browser(t *testing.T) *tab {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("there is no Chromium on this machine (looked for chromium and google-chrome in PATH): the demo is not seen in a browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("accept-lang", "vi"), chromedp.Flag("disable-dev-shm-usage", true))
	alloc, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // starts it, and it lives as long as this context
		t.Fatal(err)
	}
	b := &tab{t, ctx}
	b.do("a screen", chromedp.EmulateViewport(1280, 900))
	return b
}

// tab is one page of a browser. What goes wrong in it ends the test.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// another opens a tab beside this one.
func (b *tab) another() *tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.t.Cleanup(cancel)
	n := &tab{b.t, ctx}
	if err := chromedp.Do(ctx); err != nil { // opens it
		b.t.Fatal(err)
	}
	n.do("another tab", chromedp.EmulateViewport(1280, 900))
	return n
}

type step = chromedp.Action[chromedp.Void]

// tabWait bounds one thing that is done in a tab.
const tabWait = 30 * time.Second

func (b *tab) do(what string, steps ...step) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, tabWait)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.shoot("stuck")
		b.t.Fatalf("%s: %v; the page says\n%s", what, err, evaluate[string](b, `document.body.innerText`))
	}
}

func (b *tab) open(url string) { b.t.Helper(); b.do("opening "+url, chromedp.Navigate(url)) }

// press clicks the button or link that has these words, as soon as it is to be seen. It
// may be put in anew at any moment by a page that keeps itself current, so that where it
// was is no place to click at.
func (b *tab) press(words string) {
	b.t.Helper()
	b.await("pressing "+words, `(() => {
		const e = [...document.querySelectorAll("button, a")].find((e) => e.textContent.includes(`+strconv.Quote(words)+`) && e.getClientRects().length);
		e?.click();
		return !!e;
	})()`)
}

// evaluate gives what a JavaScript expression comes to. While a page is being left it
// comes to nothing.
func evaluate[T any](b *tab, js string) (v T) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, tabWait/6)
	defer cancel()
	v, _ = chromedp.Run(ctx, chromedp.Evaluate[T](js))
	return v
}

// await polls until js is true, and tells after how long that was.
func (b *tab) await(what, js string) time.Duration {
	b.t.Helper()
	began := time.Now()
	for !evaluate[bool](b, js) {
		if time.Since(began) > tabWait {
			b.shoot("stuck")
			b.t.Fatalf("%s: not after %s; the page says\n%s", what, tabWait, evaluate[string](b, `document.body.innerText`))
		}
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(began)
}

// shows waits until the page has some text where a person sees it.
func (b *tab) shows(text string) time.Duration {
	b.t.Helper()
	return b.await("waiting for "+text, `document.body.innerText.includes(`+strconv.Quote(text)+`)`)
}

// sees waits until the page has come, and something that fits the selector is on it. A
// page may load itself anew meanwhile.
func (b *tab) sees(selector string) {
	b.t.Helper()
	b.await("waiting for "+selector, `document.readyState === "complete" && !!document.querySelector(`+strconv.Quote(selector)+`)?.getClientRects().length`)
}

// shoot keeps what the browser shows, for people to look at. A picture of a page that is
// being left never comes, so one that is about to load itself anew is waited for.
func (b *tab) shoot(name string) {
	b.t.Helper()
	if name != "stuck" {
		b.await("a page that stays", `document.readyState === "complete" && !document.querySelector("[data-reload]")`)
	}
	ctx, cancel := context.WithTimeout(b.ctx, tabWait)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Errorf("no picture of %s: %v", name, err)
		return
	}
	if err := os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
