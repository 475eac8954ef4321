// The chat page: sends a message, shows the answer while it streams, keeps the transcript.

import { events } from "/assets/events.js";
import { copyButton, h, plain, show } from "/assets/markdown.js";
import { Transcript } from "/assets/transcript.js";

const byID = (id) => document.getElementById(id);
const scroller = byID("scroller");
const list = byID("messages");
const input = byID("input");
const send = byID("send");
const latest = byID("latest");
const transcript = new Transcript();
const DRAFT = "chatbridge.draft";
const BROKEN = "The connection broke before the answer was whole.";

// The answer in progress: its message, its element and how to stop it; null when there is none.
let current = null;

// --- Messages on the page

function add(message) {
  const words = h("div", { className: message.role === "user" ? "words" : "answer", dir: "auto" });
  const foot = h("div", { className: "foot" });
  const item = h("li", { className: `message ${message.role}` },
    h("span", { className: "sr" }, message.role === "user" ? "You said:" : "Answer:"), words);
  if (message.role === "assistant") item.append(foot);
  list.append(item);
  const view = { item, words, foot };
  paint(message, view);
  byID("empty").hidden = true;
  return view;
}

function paint(message, { item, words, foot }) {
  item.querySelector(".problem")?.remove();
  const time = new Date(message.at);
  if (message.role === "user") {
    words.replaceChildren();
    for (const node of plain(message.text)) words.append(node);
    words.title = time.toLocaleString();
    return;
  }
  if (message.text) show(message.text, words);
  words.hidden = !message.text;
  item.setAttribute("aria-busy", String(message.state === "running"));
  if (message.state === "running") {
    if (!message.text && !item.querySelector(".waiting")) {
      foot.replaceChildren(h("div", { className: "waiting" }, h("i"), h("i"), h("i"), h("span")));
    } else if (message.text) foot.replaceChildren();
    return;
  }
  foot.replaceChildren(h("time", { dateTime: time.toISOString(), title: time.toLocaleString() },
    time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })));
  if (message.text) foot.prepend(copyButton(() => message.text, "Copy answer"));
  if (message.state === "stopped") foot.append(" · stopped");
  if (message.state === "failed") foot.before(problem(message));
}

function problem(message) {
  const retry = h("button", { type: "button" }, "Try again");
  retry.addEventListener("click", () => again(message));
  const wait = (message.retryAt ?? 0) - Date.now();
  if (wait > 0) {
    retry.disabled = true;
    const tick = () => {
      const seconds = Math.ceil((message.retryAt - Date.now()) / 1000);
      retry.disabled = seconds > 0;
      retry.textContent = seconds > 0 ? `Try again in ${seconds} s` : "Try again";
      if (seconds > 0) setTimeout(tick, 250);
    };
    tick();
  }
  return h("div", { className: "problem" }, h("span", {}, message.problem), retry);
}

function redraw() {
  list.replaceChildren();
  for (const message of transcript.messages) {
    if (message.state === "running") {
      message.state = "failed";
      message.problem = "The page was closed before the answer was whole.";
    }
    add(message);
  }
  byID("empty").hidden = transcript.messages.length > 0;
  follow(true);
}

// --- Scrolling: the page follows the answer unless the reader has scrolled away from it

const isAtEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
let follows = true;

function follow(always = false) {
  if (always) follows = true;
  if (follows) scroller.scrollTop = scroller.scrollHeight;
  latest.hidden = isAtEnd();
}

scroller.addEventListener("scroll", () => {
  follows = isAtEnd();
  latest.hidden = follows;
}, { passive: true });
new ResizeObserver(() => follow()).observe(scroller);
latest.addEventListener("click", () => {
  follow(true);
  input.focus();
});

// --- Asking

async function ask(text) {
  const message = transcript.add("assistant", "", "running");
  const view = add(message);
  const abort = new AbortController();
  current = { message, abort };
  refresh();
  announce("Waiting for the answer");
  follow(true);
  const begun = Date.now();
  const clock = setInterval(() => {
    const seconds = Math.round((Date.now() - begun) / 1000);
    const label = view.item.querySelector(".waiting span");
    if (label && seconds >= 5) label.textContent = `${seconds} s`;
  }, 1000);
  let frame = 0;
  const draw = () => {
    // One drawing a frame, however many pieces come.
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      if (message.state !== "running") return;
      paint(message, view);
      follow();
    });
  };
  try {
    await stream(text, message, abort.signal, draw);
    message.state = "done";
    online(true);
  } catch (error) {
    message.state = abort.signal.aborted ? "stopped" : "failed";
    if (message.state === "failed") explain(error, message);
  } finally {
    clearInterval(clock);
    cancelAnimationFrame(frame);
    current = null;
    transcript.save();
    paint(message, view);
    refresh();
    follow();
    announce(message.state === "failed" ? message.problem
      : message.state === "stopped" ? "Stopped" : `Answer: ${view.words.innerText}`);
  }
}

async function stream(text, message, signal, draw) {
  const response = await fetch("/api/messages", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
    body: JSON.stringify({ text }),
    credentials: "same-origin",
    signal,
  });
  if (!response.ok) throw await failure(response);
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
    throw { message: "The server's answer is not a stream. Is something else between it and this page?" };
  }
  for await (const event of events(response.body)) {
    const data = JSON.parse(event.data);
    if (event.name === "message") message.id = data.id;
    if (event.name === "delta") message.text += data.text;
    if (event.name === "done") {
      message.text = data.text ?? message.text;
      if (!message.text) throw { message: "The answer was empty." };
      return;
    }
    if (event.name === "error") throw { message: data.message };
    draw();
  }
  throw { message: BROKEN };
}

async function failure(response) {
  let words;
  try {
    words = (await response.json()).error.message;
  } catch {
    words = `The server answered ${response.status} ${response.statusText}.`;
  }
  const known = {
    401: "The server does not know this page any more. Reload it and try again.",
    403: "The server does not let this page send messages. Open it at the address that the server is configured for.",
    413: "The message is too long for the server.",
    429: "Too many messages in a short time.",
    503: "The server is busy.",
  }[response.status];
  const seconds = Number(response.headers.get("retry-after"));
  return { message: known ?? words, wait: seconds > 0 ? Math.min(seconds, 300) * 1000 : 0 };
}

function explain(error, message) {
  if (error instanceof TypeError || error.name === "NetworkError") {
    online(false);
    message.problem = message.text ? BROKEN
      : navigator.onLine ? "The server cannot be reached. Is it running?" : "You are offline.";
  } else {
    message.problem = error instanceof SyntaxError ? "The server sent something that this page does not understand."
      : error.message || "Something went wrong.";
  }
  if (error.wait) message.retryAt = Date.now() + error.wait;
}

function again(message) {
  if (current) return;
  const index = transcript.messages.indexOf(message);
  const question = transcript.messages.slice(0, Math.max(index, 0)).findLast((other) => other.role === "user");
  transcript.remove(message);
  redraw();
  input.focus();
  if (question) ask(question.text);
}

function submit() {
  const text = input.value.trim();
  if (current || !text) return;
  add(transcript.add("user", text));
  input.value = "";
  keepDraft();
  grow();
  transcript.save();
  ask(text);
}

// --- Composer

function refresh() {
  send.dataset.mode = current ? "stop" : "send";
  send.setAttribute("aria-label", current ? "Stop the answer" : "Send");
  send.disabled = !current && !input.value.trim();
}

function grow() {
  if (!CSS.supports("field-sizing", "content")) {
    input.style.height = "auto";
    input.style.height = `${input.scrollHeight}px`;
  }
  refresh();
  follow();
}

function keepDraft() {
  try {
    sessionStorage.setItem(DRAFT, input.value);
  } catch { /* Storage is off: the draft lives as long as the page. */ }
}

byID("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  if (current) current.abort.abort();
  else submit();
});
input.addEventListener("input", () => {
  keepDraft();
  grow();
});
input.addEventListener("keydown", (event) => {
  // While an input method composes a word, Enter belongs to it; on a touch keyboard it begins a line.
  const isPlainEnter = event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229;
  if (isPlainEnter && !matchMedia("(pointer: coarse)").matches) {
    event.preventDefault();
    submit();
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && current) {
    event.preventDefault();
    current.abort.abort();
    input.focus();
  }
});
byID("new").addEventListener("click", async () => {
  if (current) current.abort.abort();
  try {
    // The server gives the browser the cookie of a new conversation.
    const response = await fetch("/?new", { cache: "no-store", credentials: "same-origin" });
    if (!response.ok) throw await failure(response);
    online(true);
  } catch {
    online(false);
    announce("A new conversation needs the server, which cannot be reached");
    return;
  }
  transcript.clear();
  redraw();
  announce("New conversation");
  input.focus();
});

// --- Connection

let probe = 0;

function online(isOnline) {
  const state = byID("connection");
  const label = isOnline ? "Connected" : navigator.onLine ? "Server away, trying again" : "Offline";
  state.dataset.state = isOnline ? "online" : "offline";
  if (state.lastElementChild.textContent !== label) state.lastElementChild.textContent = label;
  clearTimeout(probe);
  if (!isOnline) probe = setTimeout(check, 3000);
}

async function check() {
  try {
    // Any answer shows that the server is there; whether its database is, is not this page's business.
    await fetch("/health", { cache: "no-store", signal: AbortSignal.timeout(5000) });
    online(true);
  } catch {
    online(false);
  }
}

addEventListener("online", check);
addEventListener("offline", () => online(false));

function announce(text) {
  byID("announcer").textContent = text;
}

// --- Start

addEventListener("pagehide", () => current && transcript.save());
addEventListener("storage", (event) => {
  // Another tab of the same conversation has said something.
  if (!Transcript.isKey(event.key) || current) return;
  transcript.load();
  redraw();
});
try {
  input.value = sessionStorage.getItem(DRAFT) ?? "";
} catch { /* Storage is off. */ }
redraw();
grow();
check();
if (!matchMedia("(pointer: coarse)").matches) input.focus();
