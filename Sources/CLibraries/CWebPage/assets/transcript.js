// What was said, kept in the browser so that a reload shows it again. The server keeps its own record.

const KEY = "chatbridge.transcript";
const LIMIT = 200;

export class Transcript {
  constructor() {
    this.messages = [];
    this.load();
  }

  load() {
    try {
      const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
      const isMessage = (m) => typeof m?.text === "string" && (m.role === "user" || m.role === "assistant");
      this.messages = Array.isArray(kept) ? kept.filter(isMessage) : [];
    } catch {
      this.messages = [];  // Storage is off, or holds something else: begin anew.
    }
  }

  save() {
    this.messages = this.messages.slice(-LIMIT);
    // A full storage holds the latest messages rather than none.
    for (let kept = this.messages; ; kept = kept.slice(Math.ceil(kept.length / 2))) {
      try {
        return localStorage.setItem(KEY, JSON.stringify(kept));
      } catch {
        if (!kept.length) return;
      }
    }
  }

  add(role, text, state = "done") {
    const message = { role, text, state, at: Date.now() };
    this.messages.push(message);
    return message;
  }

  remove(message) {
    this.messages = this.messages.filter((other) => other !== message);
  }

  clear() {
    this.messages = [];
    this.save();
  }

  static isKey(key) {
    return key === KEY || key === null;
  }
}
