package console

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

func withoutScripts(off bool) step {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: off})
		return err
	})
}

func inTheDark(on bool) step {
	scheme := map[bool]string{true: "dark", false: "light"}[on]
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return err
	})
}

// until waits for something to be so. A page out of the browser's cache of those one goes
// back to has no load to wait for, and other queries do not find its nodes.
func (b *tab) until(what, js string) {
	b.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ask(b, chromedp.Evaluate[bool](js)); {
		if time.Now().After(deadline) {
			b.t.Fatalf("%s: it does not become so", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// tab is one in which an operator has signed in.
func (w *world) tab() *tab {
	b := chromium(w.t)
	b.do("signing in", chromedp.EmulateViewport(1280, 900), chromedp.Navigate(w.base+"/login"), chromedp.WaitVisible("#password"),
		chromedp.SendKeys("#name", "an"), chromedp.SendKeys("#password", operatorPassword+"\r"), chromedp.WaitVisible(".picture"))
	return b
}

// What operators do, they do with and without JavaScript, in the light and in the dark.
func TestActsInABrowser(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Now = time.Now })
	byHand := func(h Hold) {
		s := snapshot(time.Now())
		s.Sinks[1].ByHand = h
		w.stands(func() (Snapshot, error) { return s, nil })
		if err := w.Console.flow.read(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	b := w.tab()
	for name, before := range map[string]step{"with": withoutScripts(false), "without": withoutScripts(true)} {
		b.do(name+" JavaScript", before)
		b.do("searching", chromedp.Navigate(w.base+"/leads"), chromedp.WaitVisible("input[type=search]"), chromedp.SendKeys("input[type=search]", "0912 345 678\r"))
		b.until("the answer", `document.readyState === "complete" && location.search.startsWith("?s=")`)
		at := ask(b, chromedp.Location())
		if w.leads.term != "0912 345 678" || strings.Contains(at, "912") {
			t.Errorf("%s JavaScript %q is searched at %s", name, w.leads.term, at)
		}
		b.do("one lead", chromedp.Click("main tbody a"), chromedp.WaitVisible(".steps"))
		ask(b, chromedp.Evaluate[chromedp.Void](`history.back(); undefined`))
		b.until("back at the search", `document.querySelector("input[type=search]")?.value === "0912 345 678" && location.href === "`+at+`"`)
		w.holds.did = ""
		b.do("holding", chromedp.Navigate(w.base+"/sinks"), chromedp.WaitVisible("#sink-crm"), chromedp.Click("#sink-crm .acts summary"), chromedp.WaitVisible("#sink-crm input[name=why]"),
			chromedp.SendKeys("#sink-crm input[name=why]", "đang dọn bảng\r"))
		b.until("it is held", `location.search.includes("done=held")`)
		if w.holds.did != "an held crm: đang dọn bảng" {
			t.Errorf("%s JavaScript %q", name, w.holds.did)
		}
		byHand(Hold{By: "an", Why: "đang dọn bảng", At: time.Now().Add(-2 * time.Hour)})
		b.do("it is seen", chromedp.Navigate(w.base+"/sinks"), chromedp.WaitVisible("#sink-crm.paused"))
		b.shoot("sinks-paused")
		b.do("on the flow", chromedp.Navigate(w.base+"/flow"), chromedp.WaitVisible(".balance.paused"))
		b.shoot("flow-paused")
		b.do("going on", chromedp.Navigate(w.base+"/sinks"), chromedp.WaitVisible("#sink-crm"), chromedp.Click("#sink-crm form[action='/sinks/release'] button"))
		b.until("it goes on", `location.search.includes("done=released")`)
		if w.holds.did != "an released crm" {
			t.Errorf("%s JavaScript %q", name, w.holds.did)
		}
		byHand(Hold{})
		w.places.tested, w.places.testID = "", "r-1"
		b.do("testing", chromedp.Navigate(w.base+"/sources"), chromedp.WaitVisible("main h1"), chromedp.Click("main .acts summary"), chromedp.WaitVisible("form[action='/sources/landing/test'] button"))
		if shown := ask(b, chromedp.Evaluate[bool](`!document.querySelector("[data-copy]").hidden`)); shown != (name == "with") {
			t.Errorf("%s JavaScript what needs it is there: %t", name, shown)
		}
		b.shoot("sources-test")
		b.do("the test", chromedp.Click("form[action='/sources/landing/test'] button"), chromedp.WaitVisible(".steps"))
		if w.places.tested != "landing" {
			t.Errorf("%s JavaScript %q is tested", name, w.places.tested)
		}
		w.people.did = ""
		b.do("looking for a person", chromedp.Navigate(w.base+"/forget"), chromedp.WaitVisible("#who"), chromedp.SendKeys("#who", "0912 345 678"),
			chromedp.Click("button[formaction='/forget/find']"), chromedp.WaitVisible("input[name=rows]"))
		b.shoot("case-found")
		b.do("erasing", chromedp.Click(".tick"), chromedp.SendKeys("input[name=rows]", "3\r"), chromedp.WaitVisible(".card.ok"))
		if w.people.did != "forgot but for [hook]" {
			t.Errorf("%s JavaScript %q", name, w.people.did)
		}
		b.shoot("case-proof")
	}
	b.do("in the dark", withoutScripts(false), inTheDark(true))
	for _, page := range append(tabs, "lead?id=r-1", "sources/landing/watch", "buried/7") {
		b.do(page, chromedp.Navigate(w.base+"/"+page), chromedp.WaitVisible("main h1"))
		b.shoot("dark-" + url.PathEscape(strings.NewReplacer("/", "-", "?", "-", "=", "-").Replace(page)))
		if thin := ask(b, chromedp.Evaluate[[]string](contrasts)); len(thin) > 0 {
			t.Errorf("in the dark on %s these can hardly be read: %q", page, thin)
		}
	}
	b.do("in the light", inTheDark(false))
	for _, page := range append(tabs, "lead?id=r-1", "sources/landing/watch", "buried/7") {
		b.do(page, chromedp.Navigate(w.base+"/"+page), chromedp.WaitVisible("main h1"))
		if thin := ask(b, chromedp.Evaluate[[]string](contrasts)); len(thin) > 0 {
			t.Errorf("in the light on %s these can hardly be read: %q", page, thin)
		}
	}
	b.do("a phone", chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile))
	for _, page := range []string{"lead?id=r-1", "sources/landing/watch", "buried/7"} {
		b.do(page, chromedp.Navigate(w.base+"/"+page), chromedp.WaitVisible("main h1"))
		if ask(b, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > document.documentElement.clientWidth`)) {
			t.Errorf("on a phone %s is wider than the screen", page)
		}
	}
	b.do("on a phone, where one is", chromedp.Navigate(w.base+"/activity"), chromedp.WaitVisible("main h1"))
	if !ask(b, chromedp.Evaluate[bool](`(() => { const r = document.querySelector("nav [aria-current]").getBoundingClientRect(); return r.left >= 0 && r.right <= innerWidth; })()`)) {
		t.Error("on a phone the page that one is on is out of sight in the navigation")
	}
}

// contrasts are the texts of a page whose contrast is less than 4.5 to 1, as WCAG 2.1
// wants it of a text of that size.
const contrasts = `(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (c) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => { const f = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
  const ground = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] > 250) return c; } return [255, 255, 255]; };
  const bad = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement, text = walk.currentNode.textContent.trim();
    if (!text || e.closest("svg, noscript, .skip") || !e.getClientRects().length) continue;
    const a = light(rgb(getComputedStyle(e).color)), b = light(ground(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.add(text.slice(0, 40) + " " + ratio.toFixed(2));
  }
  return [...bad];
})()`
