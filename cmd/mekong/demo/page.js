// The form sends as LadiPage's browser runtime does when a connection posts
// straight to an API: an asynchronous XMLHttpRequest from the visitor's browser
// to another origin, with the configured request headers, names left as they
// are in the urlencoded body, lists as one JSON text, the page's address and
// its utm_* added, and success only with status 200 or 201.
//
// Whatever was typed by somebody is only ever put into the page as text.
"use strict";

(() => {
  const $ = (id) => document.getElementById(id);
  const form = $("form");

  const english = {
    demo: "demo page",
    offer: "Book a free English trial lesson",
    lead: "Leave your details and the centre will call you back today.",
    name: "Full name",
    phone: "Phone number",
    courses: "Courses",
    talking: "Conversation",
    children: "English for children",
    message: "Message",
    wording: "I agree that the centre uses this information to advise me on courses. I can ask for its deletion at any time.",
    type: "How it is sent, as in LadiPage's API settings",
    submit: "Sign up",
    sample: "Fill in a sample",
    wire: "What the browser sent",
    arrived: "Just arrived in MongoDB",
    base: "The rows in Lark Base (simulated)",
    sheet: "The rows in Google Sheets (simulated)",
    chat: "Ask the assistant",
    accepted: "Accepted",
    duplicates: "Duplicates dropped",
    stored: "Stored",
    empty: "Nothing yet. Send the form to see the first record.",
    offline: "The demo has stopped.",
    thanks: "Thank you! We have your details.",
    failed: "It could not be sent. Please try again.",
    reference: "Reference",
    status: "Status",
    waiting: "On disk; waiting for MongoDB …",
    inMongoDB: "In MongoDB",
    typed: "typed",
    yours: "yours",
    fresh: "new, shown when the pointer leaves the list",
  };
  const vietnamese = {
    thanks: "Cảm ơn bạn! Chúng tôi đã nhận được thông tin.",
    failed: "Chưa gửi được. Bạn vui lòng thử lại.",
    reference: "Mã",
    status: "Trạng thái",
    waiting: "Đã ghi xuống đĩa; đang chờ MongoDB …",
    inMongoDB: "Đã có trong MongoDB",
    typed: "đã gõ",
    yours: "của bạn",
    fresh: "bản ghi mới, hiện khi con trỏ rời danh sách",
  };
  for (const e of document.querySelectorAll("[data-t]")) vietnamese[e.dataset.t] = e.textContent;

  let words = vietnamese;
  let sending = false;
  let last = null; // what the latest submission came to

  function speak(language) {
    const inEnglish = language === "en";
    words = inEnglish ? english : vietnamese;
    document.documentElement.lang = language;
    for (const e of document.querySelectorAll("[data-t]")) e.textContent = words[e.dataset.t];
    $("language").textContent = inEnglish ? "Tiếng Việt" : "English";
    $("language").lang = inEnglish ? "vi" : "en";
    if (sending) $("submit").textContent = busy;
    tell();
    seen = "";
  }
  $("language").addEventListener("click", () => speak(words === english ? "vi" : "en"));

  function line(text, kind) {
    const p = document.createElement("p");
    p.textContent = text;
    if (kind) p.className = kind;
    return p;
  }

  // tell says what became of the latest submission.
  function tell() {
    const out = $("answer");
    if (!last) return out.replaceChildren();
    if (!last.ok) return out.replaceChildren(line(words.failed, "bad"), line(words.status + ": " + last.status));
    out.replaceChildren(
      line(words.thanks, "good"),
      line(words.reference + ": " + last.id),
      last.record
        ? line(words.inMongoDB + ": " + [last.record.name, last.record.phone].filter(Boolean).join(" · "), "good")
        : line(words.waiting));
  }

  // ---- sending

  const busy = "● ● ●";
  let settings = null;

  async function configure() {
    if (!settings) {
      settings = await (await fetch("settings")).json();
      for (const name of ["base", "sheet"]) $(name).href = settings[name];
      $("links").hidden = false;
    }
    return settings;
  }

  // fields are name and value in the order of the form, then what the runtime
  // adds by itself.
  function fields() {
    const of = (name) => form.elements.namedItem(name).value;
    const courses = [...form.querySelectorAll('input[name="Khóa học"]:checked')].map((e) => e.value);
    const agreed = $("consent").checked ? [$("wording").textContent] : [];
    const list = (values) => (values.length ? JSON.stringify(values) : "");
    const out = [
      ["name", of("name")],
      ["phone", of("phone")],
      ["email", of("email")],
      ["Khóa học", list(courses)],
      ["message", of("message")],
      ["i_agree_terms_and_conditions", list(agreed)],
      ["link", location.href],
    ];
    const query = new URLSearchParams(location.search);
    for (const name of ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"]) {
      if (query.has(name)) out.push([name, query.get(name)]);
    }
    return out;
  }

  function encode(type, pairs) {
    switch (type) {
      case "json": {
        const text = JSON.stringify(Object.fromEntries(pairs));
        return { contentType: "application/json", body: text, shown: text };
      }
      case "multipart": {
        const data = new FormData();
        for (const [name, value] of pairs) data.append(name, value);
        return { body: data, shown: pairs.map(([name, value]) => name + ": " + value).join("\n") };
      }
      default: {
        const text = pairs.map(([name, value]) => name + "=" + encodeURIComponent(value)).join("&");
        return { contentType: "application/x-www-form-urlencoded", body: text, shown: text };
      }
    }
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (sending) return;
    sending = true;
    const button = $("submit");
    button.disabled = true;
    button.textContent = busy;
    last = null;
    tell();
    const done = (status, text) => {
      sending = false;
      button.disabled = false;
      button.textContent = words.submit;
      last = { ok: status === 200 || status === 201, status };
      if (last.ok) {
        try { last.id = JSON.parse(text).id || ""; } catch { last.id = ""; }
      }
      tell();
      if (last.ok) look();
    };
    let to;
    try {
      to = await configure();
    } catch {
      return done(0, "");
    }
    const out = encode(form.elements.namedItem("type").value, fields());
    const xhr = new XMLHttpRequest();
    xhr.onload = () => done(xhr.status, xhr.responseText);
    xhr.onerror = () => done(0, "");
    xhr.open("POST", to.url, true);
    const headers = { ...to.headers };
    if (out.contentType) headers["Content-Type"] = out.contentType;
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    $("request").textContent = ["POST " + to.url,
      ...Object.entries(headers).map(([name, value]) => name + ": " + value),
      ...(out.contentType ? [] : ["Content-Type: multipart/form-data; boundary=…"]), "", out.shown].join("\n");
    $("wire").hidden = false;
    xhr.send(out.body);
  });

  $("sample").addEventListener("click", () => {
    const set = (name, value) => { form.elements.namedItem(name).value = value; };
    const digits = String(Math.floor(Math.random() * 1e5)).padStart(5, "0");
    set("name", "Nguyễn Thị Ánh");
    set("phone", "09000 " + digits);
    set("email", "anh" + digits + "@example.com");
    set("message", "Tôi muốn học buổi tối.");
    form.querySelector('input[value="IELTS"]').checked = true;
    $("consent").checked = true;
  });

  // ---- what has arrived

  const times = (language) => new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: "Asia/Ho_Chi_Minh" });
  const shownAt = { vi: times("vi-VN"), en: times("en-GB") };

  let seen = ""; // IDs on show, newest first
  const pointer = matchMedia("(hover: hover)"); // a finger leaves no pointer behind
  function show(records) {
    const ids = records.map((r) => r.id).join(" ");
    const list = $("records");
    if (ids === seen) return;
    // Nothing moves under somebody's pointer.
    if (seen && pointer.matches && list.matches(":hover")) {
      const known = new Set(seen.split(" "));
      const n = records.filter((r) => !known.has(r.id)).length;
      $("fresh").textContent = n ? n + " " + words.fresh : "";
      return;
    }
    seen = ids;
    $("fresh").textContent = "";
    $("empty").hidden = records.length > 0;
    list.replaceChildren(...records.map(row));
  }

  function row(r) {
    const li = document.createElement("li");
    const who = document.createElement("div");
    who.className = "who";
    const name = document.createElement("b");
    name.textContent = r.name || "–";
    const phone = document.createElement("span");
    phone.textContent = r.phone || "–";
    if (r.typed && r.typed !== r.phone) phone.title = words.typed + ": " + r.typed;
    who.append(name, phone);
    const what = document.createElement("div");
    what.className = "what";
    const parts = [shownAt[words === english ? "en" : "vi"].format(new Date(r.received))];
    if (r.typed && r.typed !== r.phone) parts.push(words.typed + " " + r.typed);
    parts.push(...r.courses);
    if (r.campaign) parts.push(r.campaign);
    parts.push(...r.flags);
    what.textContent = parts.join(" · ");
    li.append(who, what);
    if (last && last.ok && r.id === last.id) {
      li.className = "own";
      what.append(" · " + words.yours);
    }
    return li;
  }

  let looking = false;
  async function look() {
    if (looking || document.hidden) return;
    looking = true;
    try {
      const own = last && last.ok && !last.record ? "?id=" + encodeURIComponent(last.id) : "";
      const state = await (await fetch("records" + own)).json();
      $("offline").hidden = true;
      for (const name of ["accepted", "duplicates", "stored"]) $(name).textContent = String(state[name]);
      if (own && state.own && last && state.own.id === last.id) {
        last.record = state.own;
        seen = "";
        tell();
      }
      show(state.records);
    } catch {
      $("offline").hidden = false;
    } finally {
      looking = false;
    }
  }
  setInterval(look, 1000);
  document.addEventListener("visibilitychange", look);
  configure().catch(() => {});
  look();
})();
