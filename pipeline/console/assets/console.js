// Keeps pages current. Everything here is a convenience: each page says all it has to
// say without it. Texts are set as texts, never as HTML.
"use strict";

function live() {
  const by = (name) => {
    const map = new Map();
    for (const e of document.querySelectorAll(`[data-${name}]`)) {
      const key = e.dataset[name];
      map.set(key, (map.get(key) || []).concat(e));
    }
    return map;
  };
  const texts = by("live"), states = by("state"), thick = by("thick"), paths = by("path");
  const known = ["idle", "flowing", "behind", "off", "held", "paused"];
  const each = (map, values, put) => {
    for (const [key, value] of Object.entries(values || {})) for (const e of map.get(key) || []) put(e, value);
  };
  // What is new waits until it is asked for: nothing moves under the cursor.
  const fresh = [...document.querySelectorAll("[data-new]")];
  const silent = document.getElementById("silent");
  const source = new EventSource("/api/live");
  source.onopen = () => { if (silent) silent.hidden = true; };
  source.onerror = () => {
    if (silent) silent.hidden = false;
    // A sign-in that has ended closes the stream for good; the page then asks for one.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 30000);
  };
  source.onmessage = (m) => {
    const event = JSON.parse(m.data);
    each(texts, event.text, (e, v) => { if (e.textContent !== v) e.textContent = v; });
    each(states, event.state, (e, v) => { e.classList.remove(...known); e.classList.add(v); });
    each(thick, event.thick, (e, v) => e.setAttribute("stroke-width", v));
    each(paths, event.path, (e, v) => e.setAttribute("d", v));
    for (const e of fresh) {
      const n = (event.count[e.dataset.new] || 0) - Number(e.dataset.had);
      if (n > 0) e.textContent = e.dataset.text.replace("%n", n);
      e.hidden = n <= 0;
    }
    document.body.dataset.heard = String(Number(document.body.dataset.heard || 0) + 1);
  };
}

if (document.querySelector("[data-live], [data-new]") && window.EventSource) live();

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break; // not over plain http; the address can be marked by hand
  button.hidden = false;
  button.onclick = async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
    button.textContent = button.dataset.done;
  };
}

// On a narrow screen the navigation scrolls: where one is must be seen.
const nav = document.querySelector("nav"), here = document.querySelector("nav [aria-current]");
if (here) nav.scrollLeft = here.offsetLeft - nav.offsetLeft - (nav.clientWidth - here.offsetWidth) / 2;

// A page that waits for something is loaded again, but not under somebody's hands.
const again = document.querySelector("[data-reload]");
const touched = () => document.activeElement.matches("input, textarea, select") || document.querySelector("main details[open]:not([data-open])");
if (again) setInterval(() => { if (!touched()) location.reload(); }, 1000 * Number(again.dataset.reload));
