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
  const known = ["idle", "flowing", "behind", "off", "held"];
  const each = (map, values, put) => {
    for (const [key, value] of Object.entries(values || {})) for (const e of map.get(key) || []) put(e, value);
  };
  const silent = document.getElementById("silent");
  const source = new EventSource("/api/live");
  source.onopen = () => { silent.hidden = true; };
  source.onerror = () => {
    silent.hidden = false;
    // A sign-in that has ended closes the stream for good; the page then asks for one.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000);
  };
  source.onmessage = (m) => {
    const event = JSON.parse(m.data);
    each(texts, event.text, (e, v) => { if (e.textContent !== v) e.textContent = v; });
    each(states, event.state, (e, v) => { e.classList.remove(...known); e.classList.add(v); });
    each(thick, event.thick, (e, v) => e.setAttribute("stroke-width", v));
    each(paths, event.path, (e, v) => e.setAttribute("d", v));
    document.body.dataset.heard = String(Number(document.body.dataset.heard || 0) + 1);
  };
}

if (document.body.dataset.page === "flow" && window.EventSource) live();

const again = document.querySelector("[data-reload]");
if (again) setTimeout(() => location.reload(), 1000 * Number(again.dataset.reload));
