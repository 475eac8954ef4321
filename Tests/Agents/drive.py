"""Drives a real `chatbridge run` against agents of other people's making: `drive.py CHATBRIDGE OLD_PYTHON [NAME...]`.

Every question is asked twice, for a whole answer and for a stream, and both must be the expected text to the letter.
OLD_PYTHON is the interpreter that has the A2A SDK of version 0.3; this program runs under that of all the others.
NAMEs choose among the agents. Everything is on 127.0.0.1, on ports that are free, and ends with this program.
"""

import ctypes
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
WAIT = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def die_with_parent():
    # PR_SET_PDEATHSIG: nothing is left behind when this program is killed too hard to clean up.
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Process:
    """A server with its log; `with` ends it by its process id."""

    def __init__(self, name, command, folder, environment=None, cwd=None):
        self.name = name
        self.log = pathlib.Path(folder) / f"{name}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd=cwd,
                preexec_fn=die_with_parent)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def wait_for(self, port, path):
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", path)
                if connection.getresponse().status < 500:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise SystemExit(f"{self.name} did not start:\n{self.tail()}")

    def tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])


class Bridge:
    """A `chatbridge run` with an agent, and a conversation with it."""

    def __init__(self, executable, folder, settings):
        self.executable = executable
        self.folder = tempfile.mkdtemp(dir=folder)
        self.port = free_port()
        self.environment = {
            "PATH": os.environ["PATH"], "PORT": str(self.port), "DATABASE_URL": "sqlite:chat.db",
            "SPOOL_DIR": "spool", "ERROR_REPLY": "the agent failed", "LOG_LEVEL": "debug", **settings,
        }

    def __enter__(self):
        self.process = Process("chatbridge", [self.executable, "run"], self.folder, self.environment, self.folder)
        self.process.wait_for(self.port, "/health")
        return self

    def __exit__(self, *_):
        self.process.__exit__()

    def doctor(self):
        """What `chatbridge doctor` finds of the agent."""
        done = subprocess.run(
            [self.executable, "doctor", "--json"], env=self.environment, cwd=self.folder, capture_output=True,
            text=True, timeout=WAIT)
        return next(found for found in json.loads(done.stdout)["checks"] if found["name"] == "agent")

    def post(self, conversation, text, attachments, stream):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        body = {"conversation": conversation, "user": "ada", "text": text, "attachments": attachments}
        headers = {"Content-Type": "application/json"}
        if stream:
            headers["Accept"] = "text/event-stream"
        connection.request("POST", "/api/messages" + ("" if stream else "?wait=true"), json.dumps(body), headers)
        response = connection.getresponse()
        try:
            return response.status, response.read().decode()
        finally:
            connection.close()

    def answer(self, conversation, text, attachments=()):
        status, body = self.post(conversation, text, list(attachments), stream=False)
        return status, json.loads(body)

    def whole(self, conversation, text, attachments=()):
        status, answer = self.answer(conversation, text, attachments)
        return answer["text"] if status == 200 else f"{status} {answer['error']['code']}"

    def streamed(self, conversation, text, attachments=()):
        """The pieces, and the whole text that ends them; an error's code where there is one."""
        _, body = self.post(conversation, text, list(attachments), stream=True)
        pieces, whole = [], None
        for block in body.split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
            data = json.loads(fields.get("data", "null"))
            match fields.get("event"):
                case "delta":
                    pieces.append(data["text"])
                case "done":
                    whole = data["text"]
                case "error":
                    whole = data.get("code") or data["error"]["code"]
        return pieces, whole


class Checks:
    """Counts what was as expected, and says what was not."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def equal(self, what, found, expected):
        if found == expected:
            self.passed += 1
        else:
            self.failed += 1
            print(f"  FAILED {what}\n    expected {expected!r}\n    found    {found!r}", flush=True)

    def answers(self, bridge, table, streams=True):
        """Asks each question of the table twice; `streams` says whether the stream comes in pieces."""
        for index, (question, expected) in enumerate(table):
            name = f"c{index}"
            self.equal(f"{question!r} whole", bridge.whole(name, question), expected.replace("{c}", f"web:{name}"))
            pieces, whole = bridge.streamed(name + "s", question)
            expected = expected.replace("{c}", f"web:{name}s")
            self.equal(f"{question!r} streamed", whole, expected)
            self.equal(f"{question!r} in pieces", "".join(pieces), expected)
            if streams and len(expected) > 20:
                self.equal(f"{question!r} comes in several pieces", len(pieces) > 1, True)

    def fails(self, bridge, question):
        self.equal(f"{question!r} fails", bridge.whole("f", question), "502 agent_error")
        self.equal(f"{question!r} fails in a stream", bridge.streamed("fs", question)[1], "agent_error")


PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PIXEL_BYTES = 70
FILES = [
    {"url": PIXEL, "name": "a.png", "content_type": "image/png"},
    {"url": "https://cdn.example/b.pdf", "name": "b.pdf", "content_type": "application/pdf"},
]
PAINTED = {
    "kind": "image", "url": "data:image/png;base64,iVBORw0KGgogZmFrZQ==", "name": "p.png", "content_type": "image/png",
}
SAID = "Grüße 😀 – \"quoted\" \\ and <b>markup</b>, a long line of words"


def litellm(checks, executable, folder, _):
    port = free_port()
    url = f"http://127.0.0.1:{port}/v1"
    key = "sk-test-0123456789"
    environment = {**os.environ, "PROXY_URL": url, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "HOME": folder}
    command = [str(pathlib.Path(sys.executable).parent / "litellm"), "--config", str(HERE / "litellm.yaml"),
               "--host", "127.0.0.1", "--port", str(port)]
    with Process("litellm", command, folder, environment, HERE) as server:
        server.wait_for(port, "/health/liveliness")
        base = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": key, "AGENT_INSTRUCTIONS": "Be kind."}
        with Bridge(executable, folder, {**base, "OPENAI_RESPONSE_MODEL": "fixed"}) as bridge:
            checks.answers(bridge, [("hi", "Grüße 😀 from LiteLLM")])
        for agent, model in [("openai", "echo"), ("responses", "echo-responses")]:
            with Bridge(executable, folder, {**base, "AGENT": agent, "OPENAI_RESPONSE_MODEL": model}) as bridge:
                checks.answers(bridge, [(SAID, f"system user: {SAID}")])
                checks.equal(f"{agent} history", bridge.whole("c0", "again"), "system user assistant user: again")
                checks.fails(bridge, "fail")
                if agent == "openai":
                    shown = f"system user: look\n[image: a.png]\n[file: b.pdf] [{PIXEL[:22]}… {len(PIXEL)}]"
                    checks.equal("a picture", bridge.whole("p", "look", FILES), shown)
                    blind = "system user: blind\n[image: a.png]\n[file: b.pdf]"
                    checks.equal("a picture to a blind model", bridge.whole("b", "blind", FILES), blind)
                checks.equal(f"{agent} doctor", bridge.doctor()["status"], "ok")
        settings = {**base, "OPENAI_API_KEY": "wrong-key-12345", "AGENT": "responses", "OPENAI_RESPONSE_MODEL": "echo"}
        with Bridge(executable, folder, settings) as bridge:
            # Without a database, the proxy has no 401 for a key that it does not know.
            checks.fails(bridge, "hi")
            checks.equal("the key is in no log", "wrong-key-12345" in bridge.process.tail(), False)


def a2a_answers(checks, executable, folder, url, binding):
    with Bridge(executable, folder, {"AGENT": "a2a", "AGENT_URL": url, "AGENT_TIMEOUT_MS": "20000"}) as bridge:
        checks.answers(bridge, [("say " + SAID, SAID)], streams=False)
        checks.answers(bridge, [("task " + SAID, SAID)])
        checks.equal("question back", bridge.whole("q", "ask Which city?"), "Which city?")
        checks.equal("its answer goes to the task", bridge.whole("q", "reply Rome"), "Rome, of your task")
        files = bridge.whole("x", "context", FILES).split("files: ")[1]
        checks.equal("files", files, f"image/png a.png {PIXEL_BYTES}, application/pdf b.pdf https://cdn.example/b.pdf")
        _, painted = bridge.answer("p", "picture")
        checks.equal("a picture in return", (painted.get("text"), painted.get("attachments")), ("here", [PAINTED]))
        checks.answers(bridge, [("ask Which city?", "Which city?"), ("slow but done", "but done")], streams=False)
        checks.fails(bridge, "fail no rain data")
        known = "account=default conversation=x platform=web user=ada"
        checks.equal("context", bridge.whole("x", "context"), f"web:x: {known}; files: none")
        checks.equal("doctor", bridge.doctor()["detail"].split(" at ")[0], f"a2a: {binding}")


def a2a(checks, executable, folder, old_python):
    spoken = {"1.0": "A2A 1.0 by JSON-RPC", "rest": "A2A 1.0 by HTTP", "0.3": "A2A 0.3 by JSON-RPC"}
    for binding, name in spoken.items():
        print(f"  {name}", flush=True)
        port = free_port()
        command = [sys.executable, str(HERE / "a2a_server.py"), str(port), binding]
        with Process(f"a2a-{binding}", command, folder, cwd=HERE) as server:
            server.wait_for(port, "/.well-known/agent-card.json")
            a2a_answers(checks, executable, folder, f"http://127.0.0.1:{port}", name)
    print("  A2A 0.3 on the SDK of its time", flush=True)
    port = free_port()
    with Process("a2a-old", [old_python, str(HERE / "a2a_old_server.py"), str(port)], folder, cwd=HERE) as server:
        server.wait_for(port, "/.well-known/agent-card.json")
        a2a_answers(checks, executable, folder, f"http://127.0.0.1:{port}/", spoken["0.3"])


def agui(checks, executable, folder, _):
    port = free_port()
    with Process("agui", [sys.executable, str(HERE / "agui_server.py"), str(port)], folder, cwd=HERE) as server:
        server.wait_for(port, "/")
        with Bridge(executable, folder, {"AGENT": "agui", "AGENT_URL": f"http://127.0.0.1:{port}/run/"}) as bridge:
            checks.answers(bridge, [("say " + SAID, SAID), ("chunks " + SAID, SAID)])
            checks.answers(bridge, [
                ("two", "one\n\ntwo"), ("snapshot Hello", "Hello"), ("ask Which city?", "Which city?"),
            ], streams=False)
            checks.fails(bridge, "fail out of words")
            checks.equal("doctor", bridge.doctor()["status"], "ok")
            known = "platform=web account=default conversation=x user=ada"
            checks.equal("context", bridge.whole("x", "context"), f"web:x [user]: {known}; files: none")
            files = bridge.whole("y", "context", FILES).split("files: ")[1]
            expected = f"image image/png data {len(PIXEL) - 22}, document application/pdf url 25"
            checks.equal("files", files, expected)
            checks.equal("question back", bridge.whole("q", "ask Which city?"), "Which city?")
            checks.equal("the run is resumed", bridge.whole("q", "reply Rome"), "i: Rome")
            checks.equal(
                "history", bridge.whole("x", "context"), f"web:x [user assistant user]: {known}; files: none")


def main():
    executable, old_python, *names = sys.argv[1:]
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="chatbridge-agents.") as folder:
        for agent in [litellm, a2a, agui]:
            if names and agent.__name__ not in names:
                continue
            print(agent.__name__, flush=True)
            start = time.monotonic()
            agent(checks, executable, folder, old_python)
            print(f"  {time.monotonic() - start:.1f} s", flush=True)
    print(f"checks: {checks.passed} passed, {checks.failed} failed")
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
