"""A stand-in for `chatbridge run`: the page's files with the server's headers, and `POST /api/messages` on demand.

What it answers depends on the message's first word, so that a test can ask for each way an answer may go.
"""

import http.server
import json
import pathlib
import secrets
import threading
import time

ASSETS = pathlib.Path(__file__).resolve().parents[2] / "Sources/CLibraries/CWebPage/assets"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'")
MARKDOWN = """# A heading

Some **bold**, *italic*, `code`, ~~old~~ and a [link](https://example.org/a_(b)) or https://example.org/x?y=1.
A second line, snake_case_name and 2*3*4 stay as they are. <img src=x onerror=alert(1)> <b>too</b>

1. First
2. Second
   - inner *one*
   - inner two

- [x] done
- [ ] open

> A quotation
> of two lines

| Name | Count |
|------|------:|
| one `\\|` | 1 |
| two | 2 |

```python
def hello(name: str) -> None:
    print(f"Hello, {name}! This is a line that is certainly too long for the width of any phone on the market.")
```

---

[bad](javascript:alert(1)) and \u202eabc\u202c.
"""

# Each of these once took a naive reader of Markdown minutes, or all of its stack.
HOSTILE = "\n\n".join([
    "# a" + " " * 50_000 + "b", "> " * 5_000 + "x", "- " * 5_000 + "x", "**a *b " * 5_000, "`" * 5_000, "[" * 20_000,
    "[a](" * 5_000, "a\n" * 50_000, "- a\n" + "a\n" * 50_000, "|" * 5_000 + "\n" + "|-" * 5_000, "the end"])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = []
    fail_until = {}

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/health":
            return self.answer(200, b'{"status":"ok"}', {"Content-Type": "application/json"})
        name = "index.html" if path == "/" else path.removeprefix("/assets/").lstrip("/")
        file = ASSETS / name
        if "/" in name or not file.is_file():
            return self.answer(404, b"{}", {"Content-Type": "application/json"})
        headers = {"Content-Type": TYPES[file.suffix], "Content-Security-Policy": POLICY,
                   "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
        if path == "/" and ("chatbridge_session" not in self.headers.get("Cookie", "") or self.path == "/?new"):
            headers["Set-Cookie"] = f"chatbridge_session={secrets.token_hex(8)}; HttpOnly; SameSite=Strict; Path=/"
        self.answer(200, file.read_bytes(), headers)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["Accept"] == "text/event-stream", self.headers["Accept"]
        text = body["text"]
        Handler.asked.append({"text": text, "cookie": self.headers.get("Cookie"), "closed": False})
        word = text.split()[0]
        times = Handler.fail_until[text] = Handler.fail_until.get(text, 0) + 1
        if word == "busy" and times == 1:
            return self.error(503, "overloaded", "Too much to do.", {"Retry-After": "2"})
        if word == "refuse":
            return self.error(400, "invalid_request", "The text holds a word that nobody likes.")
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            self.stream(word, text, times)
        except OSError:
            Handler.asked[-1]["closed"] = True
        self.close_connection = True

    def stream(self, word, text, times):
        self.event("message", {"id": "m1"})
        if word == "agent-error":
            return self.event("error", {"code": "agent_failed", "message": "The agent is not well."})
        if word == "wait":
            time.sleep(0.5 if text == "wait" else float(text.split()[1]))
        pieces = {"markdown": [MARKDOWN[i:i + 7] for i in range(0, len(MARKDOWN), 7)],
                  "slow": [f"word{i} " for i in range(200)],
                  "rtl": ["שלום, ", "מה ", "שלומך? ", "Hello **there** in English.\n\n", "- פריט ראשון\n- פריט שני\n"],
                  "hostile": [HOSTILE],
                  "break": ["Half an ans"]}.get(word, ["You said: ", text])
        for piece in pieces:
            self.event("delta", {"text": piece})
            if word == "slow":
                time.sleep(0.05)
        if word == "break" and times == 1:
            return
        self.wfile.write(b": heartbeat\r\n\r\n")
        self.event("done", {"id": "m2", "text": "".join(pieces)})

    def event(self, name, data):
        self.wfile.write(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())
        self.wfile.flush()

    def error(self, status, code, message, headers={}):
        body = json.dumps({"error": {"code": code, "message": message}}).encode()
        self.answer(status, body, {"Content-Type": "application/json", **headers})

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def start():
    """Serves on a free port of the loopback address; returns the server, whose `server_port` tells which."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
