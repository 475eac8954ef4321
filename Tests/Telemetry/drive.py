"""Drives `chatbridge serve` and `chatbridge logger` before a receiver of traces: `drive.py CHATBRIDGE`.

What arrives is read with OpenTelemetry's own definition of OTLP (opentelemetry-proto), strictly: a field that it does not know, or a
value of another type, fails. Redis and Postgres are those of scripts/lib/services.sh. Everything else is on 127.0.0.1, on ports that
are free, and ends with this program.
"""

import base64
import ctypes
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

WAIT = 60
SECRET_WORDS = ("hush-question", "hush-answer", "hush-user")
CALLER = "4bf92f3577b34da6a3ce929d0e0e4736"
UNKEPT = "11111111111111111111111111111111"


class Checks:
    passed = failed = 0

    def hold(self, what, condition, found=""):
        if condition:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAIL {what}: {found}", flush=True)

    def equal(self, what, found, expected):
        self.hold(what, found == expected, f"{found!r} instead of {expected!r}")


checks = Checks()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(condition):
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


class Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"{}", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))


def hexadecimal_to_base64(value):
    """OTLP's JSON writes identifiers in base 16, where protobuf's JSON has base 64: the one difference (OTLP specification)."""
    if isinstance(value, dict):
        converted = {}
        for key, item in value.items():
            if key in ("traceId", "spanId", "parentSpanId"):
                size = 32 if key == "traceId" else 16
                checks.hold(f"{key} is {size} digits in lower case", re.fullmatch(f"[0-9a-f]{{{size}}}", item), item)
                converted[key] = base64.b64encode(bytes.fromhex(item)).decode()
            else:
                converted[key] = hexadecimal_to_base64(item)
        return converted
    if isinstance(value, list):
        return [hexadecimal_to_base64(item) for item in value]
    return value


class Receiver(Quiet):
    """Takes traces, after it has refused the first request as a busy one does; hangs as long as it is told to."""

    lock = threading.Lock()
    refusals = 2
    bodies = []
    spans = []
    gate = threading.Event()
    held = 0

    def do_POST(self):
        body = self.body()
        cls = type(self)
        with cls.lock:
            if not cls.gate.is_set():
                cls.held += 1
        cls.gate.wait(WAIT)
        with cls.lock:
            if cls.refusals > 0:
                cls.refusals -= 1
                headers = [("Retry-After", "1")] if cls.refusals else []
                return self.answer(503 if cls.refusals else 429, headers=headers)
            checks.equal("the path", self.path, "/v1/traces")
            checks.equal("the type of content", self.headers["Content-Type"], "application/json")
            checks.equal("the operator's header", self.headers["X-Tenant"], "a b")
            cls.bodies.append(body.decode())
            request = ExportTraceServiceRequest()
            try:
                json_format.ParseDict(hexadecimal_to_base64(json.loads(body)), request)
            except (json_format.ParseError, ValueError) as error:
                checks.hold("it is OTLP", False, f"{error}: {body[:500]}")
                return self.answer(400)
            for resource_spans in request.resource_spans:
                resource = attributes(resource_spans.resource.attributes)
                for scope_spans in resource_spans.scope_spans:
                    checks.equal("the scope", scope_spans.scope.name, "chatbridge")
                    cls.spans += [(resource, span) for span in scope_spans.spans]
        self.answer(200)


def attributes(pairs):
    found = {}
    for pair in pairs:
        kind = pair.value.WhichOneof("value")
        checks.hold(f"{pair.key} has a value", kind is not None)
        checks.hold(f"{pair.key} is there once", pair.key not in found)
        found[pair.key] = getattr(pair.value, kind) if kind else None
    return found


class Agent(Quiet):
    """Answers by an event stream, and keeps what it was told of traces."""

    asked = []

    def do_POST(self):
        question = json.loads(self.body())
        Agent.asked.append((question["text"], self.headers.get("traceparent"), self.headers.get("tracestate")))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for piece in ("hush-answer ", "to ", question["text"]):
            self.wfile.write(f"data: {json.dumps({'delta': piece})}\n\n".encode())
            self.wfile.flush()
            time.sleep(0.02)
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True


class Telegram(Quiet):
    """Takes what is sent, and keeps its words."""

    texts = []

    def do_POST(self):
        sent = json.loads(self.body() or b"{}")
        if "text" in sent:
            Telegram.texts.append(sent["text"])
        result = {"message_id": len(Telegram.texts) + 1, "chat": {"id": 1}}
        self.answer(200, json.dumps({"ok": True, "result": result}).encode())


def serve(handler):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def die_with_parent():
    # PR_SET_PDEATHSIG: nothing is left behind when this program is killed too hard to clean up.
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Program:
    """A command of the real program, with a port at which it answers."""

    def __init__(self, executable, command, folder, port, settings):
        self.port = port
        self.log = pathlib.Path(folder) / f"{command}-{port}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [executable, command], env={"PATH": os.environ["PATH"], **settings}, cwd=folder,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)
        if not eventually(lambda: self.process.poll() is not None or self.status("/health") == 200) or self.process.poll() is not None:
            raise SystemExit(f"{command} did not start:\n{self.tail()}")

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def status(self, path):
        try:
            return self.request("GET", path)[0]
        except OSError:
            return 0

    def metric(self, name):
        lines = self.request("GET", "/metrics")[1].splitlines()
        return sum(int(line.split()[-1]) for line in lines if re.match(rf"{name}[ {{]", line))

    def tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])

    def end(self):
        self.process.terminate()
        try:
            code = self.process.wait(WAIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        checks.equal(f"the exit code of {self.log.stem}", code, 0)


def send(bridge, number, text, headers=None):
    update = {
        "update_id": number, "message": {
            "message_id": number, "date": int(time.time()), "text": text, "chat": {"id": number, "type": "private"},
            "from": {"id": number, "is_bot": False, "first_name": "hush-user"}}}
    status, _ = bridge.request(
        "POST", "/webhooks/telegram", json.dumps(update),
        {"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": "s", **(headers or {})})
    checks.equal(f"the acknowledgement of {text}", status, 200)


def parent_of(span):
    return span.parent_span_id.hex()


def check_way(spans, trace, caller):
    """One message's spans: their names, kinds, parents, times and attributes."""
    of_trace = {span.name: span for _, span in spans if span.trace_id.hex() == trace}
    expected = {
        "POST /webhooks/:platform": (Span.SPAN_KIND_SERVER, None),
        "verify": (Span.SPAN_KIND_INTERNAL, "POST /webhooks/:platform"),
        "process telegram": (Span.SPAN_KIND_CONSUMER, "POST /webhooks/:platform"),
        "claim": (Span.SPAN_KIND_INTERNAL, "process telegram"),
        "wait": (Span.SPAN_KIND_INTERNAL, "process telegram"),
        "invoke_agent http": (Span.SPAN_KIND_CLIENT, "process telegram"),
        "send telegram": (Span.SPAN_KIND_PRODUCER, "process telegram"),
    }
    checks.equal("the spans of a message", set(of_trace), set(expected))
    if set(of_trace) != set(expected):
        return None
    for name, (kind, parent) in expected.items():
        span = of_trace[name]
        checks.equal(f"the kind of {name}", span.kind, kind)
        checks.equal(f"the parent of {name}", parent_of(span), of_trace[parent].span_id.hex() if parent else caller)
        checks.equal(f"the status of {name}", span.status.code, Status.STATUS_CODE_UNSET)
        checks.equal(f"the flags of {name}", span.flags & 0xFF, 1)
    order = ["POST /webhooks/:platform", "process telegram", "wait", "invoke_agent http", "send telegram"]
    starts = [of_trace[name].start_time_unix_nano for name in order]
    # Two clocks' readings apart by less than a millisecond.
    checks.hold("the steps are in order", all(a <= b + 1_000_000 for a, b in zip(starts, starts[1:])), starts)
    process = of_trace["process telegram"]
    checks.hold("the message ends last", process.end_time_unix_nano >= of_trace["send telegram"].end_time_unix_nano)
    message = attributes(process.attributes)
    checks.equal("the system", message.get("messaging.system"), "telegram")
    checks.hold("the message's id", re.fullmatch(r"[0-9a-f-]{36}", message.get("messaging.message.id", "")), message)
    agent = of_trace["invoke_agent http"]
    checks.equal("the operation", attributes(agent.attributes).get("gen_ai.operation.name"), "invoke_agent")
    checks.equal("the first byte", [event.name for event in agent.events], ["first_byte"])
    checks.hold(
        "the first byte is within", agent.start_time_unix_nano <= agent.events[0].time_unix_nano <= agent.end_time_unix_nano)
    return of_trace


def query(statement):
    done = subprocess.run(
        [f"{os.environ['CHATBRIDGE_TEST_POSTGRES_BIN']}/psql", "-X", "-q", "-A", "-t", "-c", statement,
         os.environ["CHATBRIDGE_TEST_DATABASE_URL"]], capture_output=True, text=True, check=True, timeout=WAIT)
    return done.stdout.split()


def check_traced(executable, folder, stores, platform):
    receiver = serve(Receiver)
    tracing = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver, "OTEL_EXPORTER_OTLP_HEADERS": "X-Tenant=a%20b",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test", "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    began = time.time_ns()
    bridge = Program(executable, "serve", folder, platform["PORT"], {
        **stores, **tracing, **platform, "PORT": str(platform["PORT"]), "SPOOL_DIR": "spool", "OTEL_SERVICE_NAME": "bridge"})
    port = free_port()
    logger = Program(executable, "logger", folder, port, {
        **stores, **tracing, "LOGGER_PORT": str(port), "OTEL_SERVICE_NAME": "logger", "DATABASE_URL": os.environ["CHATBRIDGE_TEST_DATABASE_URL"]})
    try:
        checks.equal("the logger is ready", logger.status("/ready"), 200)
        # The receiver hangs meanwhile: nobody waits for it.
        send(bridge, 1, "hush-question-1", {"traceparent": f"00-{CALLER}-00f067aa0ba902b7-01", "tracestate": "vendor=1"})
        send(bridge, 2, "hush-question-2")
        send(bridge, 3, "hush-question-3", {"traceparent": f"00-{UNKEPT}-00f067aa0ba902b7-00"})
        checks.hold(
            "users are answered while the receiver hangs",
            eventually(lambda: {f"hush-answer to hush-question-{n}" for n in (1, 2, 3)} <= set(Telegram.texts)), Telegram.texts)
        checks.hold("the receiver was asked", eventually(lambda: Receiver.held > 0))
        rows = "SELECT count(*) FROM messages"
        checks.hold("the log goes on while the receiver hangs", eventually(lambda: query(rows) == ["6"]), query(rows))
        checks.equal("nothing was taken yet", Receiver.spans, [])
        Receiver.gate.set()
        checks.hold("spans come after refusals", eventually(lambda: bridge.metric("chatbridge_trace_spans_exported_total") >= 14))
        checks.hold("the logger's too", eventually(lambda: logger.metric("chatbridge_trace_spans_exported_total") >= 1))
        for program in (bridge, logger):
            checks.equal("nothing is dropped", program.metric("chatbridge_trace_spans_dropped_total"), 0)
        # What is in hand at a stop goes out with it.
        send(bridge, 4, "hush-question-4", {"traceparent": f"00-{CALLER[::-1]}-00f067aa0ba902b7-01"})
        checks.hold("the fourth is answered", eventually(lambda: "hush-answer to hush-question-4" in Telegram.texts))
    finally:
        bridge.end()
        logger.end()
    checks.hold("the stop leaves nothing behind", any(s.trace_id.hex() == CALLER[::-1] for _, s in Receiver.spans))

    spans = Receiver.spans
    ids = [(span.trace_id, span.span_id) for _, span in spans]
    checks.equal("no span came twice", len(set(ids)), len(ids))
    now = time.time_ns()
    for resource, span in spans:
        checks.hold(f"the times of {span.name}", began <= span.start_time_unix_nano <= span.end_time_unix_nano <= now)
        checks.equal("the environment", resource.get("deployment.environment.name"), "test")
        checks.hold("the version", resource.get("service.version"))
    services = {resource["service.name"] for resource, _ in spans}
    checks.equal("who tells", services, {"bridge", "logger"})
    for word in SECRET_WORDS:
        checks.hold(f"{word} is told to nobody", all(word not in body for body in Receiver.bodies))

    way = check_way(spans, CALLER, "00f067aa0ba902b7")
    fresh = [s for _, s in spans if s.name == "POST /webhooks/:platform" and not s.parent_span_id]
    checks.equal("a trace that began here", len(fresh), 1)
    if fresh:
        check_way(spans, fresh[0].trace_id.hex(), "")
    checks.equal("what the caller does not keep", [s.name for _, s in spans if s.trace_id.hex() == UNKEPT], [])

    asked = {text: (trace, state) for text, trace, state in Agent.asked}
    if way:
        agent_span = way["invoke_agent http"].span_id.hex()
        checks.equal("what the agent is told", asked["hush-question-1"], (f"00-{CALLER}-{agent_span}-01", "vendor=1"))
        process = way["process telegram"].span_id.hex()
        found = query(f"SELECT DISTINCT metadata->>'traceparent' FROM messages WHERE metadata->>'traceparent' LIKE '%{CALLER}%'")
        checks.equal("what both messages hold", found, [f"00-{CALLER}-{process}-01"])
        commits = [span for resource, span in spans if span.name == "commit log batch" and resource["service.name"] == "logger"]
        links = {(link.trace_id.hex(), link.span_id.hex()) for span in commits for link in span.links}
        checks.hold("the commit links to the message", (CALLER, process) in links, links)
        for span in commits:
            checks.equal("a commit has a trace of its own", parent_of(span), "")
            checks.hold("how many", attributes(span.attributes).get("messaging.batch.message_count", 0) > 0)
    unkept = asked["hush-question-3"][0] or ""
    checks.hold("what is not kept is passed on as such", unkept.startswith(f"00-{UNKEPT}-") and unkept.endswith("-00"), unkept)
    checks.equal("and held by no message", query(f"SELECT 1 FROM messages WHERE metadata::text LIKE '%{UNKEPT}%'"), [])


def check_untraced(executable, folder, stores, platform):
    bridge = Program(executable, "serve", folder, platform["PORT"], {
        **stores, **platform, "PORT": str(platform["PORT"]), "SPOOL_DIR": "spool-untraced"})
    try:
        caller = f"00-{CALLER}-00f067aa0ba902b7-01"
        send(bridge, 11, "hush-question-11", {"traceparent": caller, "tracestate": "vendor=1"})
        send(bridge, 12, "hush-question-12")
        send(bridge, 13, "hush-question-13", {"traceparent": "00-nonsense"})
        checks.hold(
            "untraced: all are answered",
            eventually(lambda: {f"hush-answer to hush-question-{n}" for n in (11, 12, 13)} <= set(Telegram.texts)))
        asked = {text: (trace, state) for text, trace, state in Agent.asked}
        checks.equal("untraced: a caller's trace is passed on", asked["hush-question-11"], (caller, "vendor=1"))
        checks.equal("untraced: none is made", asked["hush-question-12"], (None, None))
        checks.equal("untraced: nonsense is not passed on", asked["hush-question-13"], (None, None))
        checks.hold("untraced: no series of it", "chatbridge_trace" not in bridge.request("GET", "/metrics")[1])
    finally:
        bridge.end()


def main():
    executable = sys.argv[1]
    agent, telegram = serve(Agent), serve(Telegram)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [executable, "migrate", "up", "--wait", "30"], check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=WAIT,
            env={"PATH": os.environ["PATH"], "DATABASE_URL": os.environ["CHATBRIDGE_TEST_DATABASE_URL"]})
        stores = {"REDIS_URL": os.environ["CHATBRIDGE_TEST_REDIS_URL"], "LOG_LEVEL": "debug", "LOG_FLUSH_MS": "20"}
        platform = {
            "TELEGRAM_BOT_TOKEN": "1:t", "TELEGRAM_WEBHOOK_SECRET": "s", "TELEGRAM_API_BASE": telegram,
            "TELEGRAM_RATE_LIMIT": "off", "AGENT_URL": f"{agent}/agent", "STREAMING": "auto",
        }
        check_traced(executable, folder, stores, {**platform, "PORT": free_port()})
        check_untraced(executable, folder, stores, {**platform, "PORT": free_port()})
    print(f"telemetry: {checks.passed} checks passed, {checks.failed} failed; {len(Receiver.spans)} spans in {len(Receiver.bodies)} requests")
    sys.exit(1 if checks.failed else 0)


main()
