// A conversation with the demo's chatbot. The page sends what is typed to the chatbot,
// which answers and saves the whole conversation, as one written in Streamlit would;
// what has arrived of it is then read from MongoDB once a second.
//
// Whatever was typed by somebody is only ever put into the page as text.
"use strict";

(() => {
  const $ = (id) => document.getElementById(id);

  const english = {
    brand: "Mekong",
    demo: "demo page",
    title: "Ask the assistant",
    lead: "The assistant answers by a few rules, then asks for a name and a phone number. After each answer the whole conversation is sent again.",
    message: "Message",
    send: "Send",
    sample: "Write a sample",
    anew: "New conversation",
    row: "One row that grows",
    none: "Nothing yet. Write something to see the first row in MongoDB.",
    baseChats: "Lark Base (simulated)",
    sheetChats: "Google Sheets (simulated)",
    larkChat: "The assistant in Lark (simulated)",
    turns: "Turns",
    offline: "The demo has stopped.",
    saved: "Answered, and saved on disk.",
    unsaved: "Answered, but not saved; the next save has it all.",
    failed: "It could not be sent. Please try again.",
    over: "This conversation is over. Begin a new one.",
    session: "Session", name: "Name", phone: "Phone", count: "Turns", first_at: "Began", last_at: "Last message", last_question: "Last question", last_answer: "Last answer", outcome: "Outcome",
    samples: ["Hello, how much is the IELTS course?", "My name is Nguyen Thi Anh", "When are the evening classes?", "My phone is 0900 000 000", "Thank you"],
  };
  const vietnamese = {
    saved: "Đã trả lời, và đã ghi xuống đĩa.",
    unsaved: "Đã trả lời nhưng chưa ghi được; lần ghi sau có đủ.",
    failed: "Chưa gửi được. Bạn vui lòng thử lại.",
    over: "Cuộc trò chuyện này đã hết. Hãy bắt đầu cuộc mới.",
    session: "Phiên chat", name: "Họ tên", phone: "Số điện thoại", count: "Số lượt", first_at: "Bắt đầu lúc", last_at: "Lần cuối", last_question: "Câu hỏi cuối", last_answer: "Câu trả lời cuối", outcome: "Kết quả",
    samples: ["Chào trung tâm, học phí khóa IELTS bao nhiêu ạ?", "Em tên là Nguyễn Thị Ánh", "Có lớp buổi tối không ạ?", "Số em là 0900 000 000", "Cảm ơn nhé"],
  };
  for (const e of document.querySelectorAll("[data-t]")) vietnamese[e.dataset.t] = e.textContent;

  let words = vietnamese;
  let session = "";
  let said = 0; // messages of the person
  let state = ""; // which of the words stands below the form
  let shown = {}; // the row as it was last shown

  function speak(language) {
    words = language === "en" ? english : vietnamese;
    document.documentElement.lang = language;
    for (const e of document.querySelectorAll("[data-t]")) e.textContent = words[e.dataset.t];
    $("language").textContent = language === "en" ? "Tiếng Việt" : "English";
    $("language").lang = language === "en" ? "vi" : "en";
    $("state").textContent = state && words[state];
    look();
  }
  $("language").addEventListener("click", () => speak(words === english ? "vi" : "en"));

  function tell(what) {
    state = what;
    $("state").textContent = what && words[what];
  }

  function line(text, mine) {
    const li = document.createElement("li");
    li.textContent = text;
    if (mine) li.className = "mine";
    $("lines").append(li);
    $("lines").scrollTop = $("lines").scrollHeight;
    return li;
  }

  $("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = $("text").value.trim();
    if (!text || $("send").disabled) return;
    $("send").disabled = true;
    tell("");
    const mine = line(text, true);
    try {
      const r = await fetch("chat/say", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ session, text }),
      });
      if (!r.ok) throw r.status;
      const out = await r.json();
      session = out.session;
      said++;
      $("text").value = "";
      line(out.answer, false);
      tell(out.saved ? "saved" : "unsaved");
      look();
    } catch (status) {
      mine.remove();
      tell(status === 410 ? "over" : "failed");
    }
    $("send").disabled = false;
    $("text").focus();
  });

  $("sample").addEventListener("click", () => {
    $("text").value = words.samples[said % words.samples.length];
    $("text").focus();
  });

  $("anew").addEventListener("click", () => {
    session = "";
    said = 0;
    shown = {};
    $("lines").replaceChildren();
    tell("");
    show({ conversation: null, turns: [], count: 0 });
    $("text").focus();
  });

  // ---- what has arrived

  const times = (language) => new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "medium", timeZone: "Asia/Ho_Chi_Minh" });
  const shownAt = { vi: times("vi-VN"), en: times("en-GB") };

  const columns = ["session", "name", "phone", "count", "last_question", "last_answer", "outcome", "first_at", "last_at"];

  function show(state) {
    const row = state.conversation || {};
    const cells = [];
    for (const name of columns) {
      let value = row[name === "count" ? "turns" : name];
      if (value === undefined || value === null || value === "") continue;
      if (name.endsWith("_at")) value = shownAt[words === english ? "en" : "vi"].format(new Date(value));
      const dt = document.createElement("dt");
      dt.textContent = words[name];
      const dd = document.createElement("dd");
      dd.textContent = String(value);
      if (shown[name] !== String(value) && name in shown) dd.className = "changed";
      shown[name] = String(value);
      cells.push(dt, dd);
    }
    $("conversation").replaceChildren(...cells);
    $("none").hidden = cells.length > 0;
    $("count").textContent = state.count ? String(state.count) : "";
    $("turns").replaceChildren(...state.turns.map((t) => {
      const li = document.createElement("li");
      const question = document.createElement("div");
      question.textContent = (t.turn_no ? t.turn_no + ". " : "") + (t.question || "–");
      const answer = document.createElement("div");
      answer.className = "answer";
      answer.textContent = t.answer || "–";
      li.append(question, answer);
      return li;
    }));
  }

  let looking = false;
  async function look() {
    if (looking || document.hidden) return;
    looking = true;
    try {
      const asked = session;
      const state = await (await fetch("chat/rows?session=" + encodeURIComponent(asked))).json();
      $("offline").hidden = true;
      if (asked && asked === session) show(state);
    } catch {
      $("offline").hidden = false;
    } finally {
      looking = false;
    }
  }
  setInterval(look, 1000);
  document.addEventListener("visibilitychange", look);

  fetch("settings").then((r) => r.json()).then((to) => {
    for (const name of ["baseChats", "sheetChats", "larkChat"]) $(name).href = to[name];
    $("links").hidden = false;
  }).catch(() => {});
})();
