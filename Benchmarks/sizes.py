"""What a message takes in Redis, in Postgres, in memory and in processor time: `sizes.py --help`; scripts/bench-sizes runs it.

A real bridge answers Telegram webhooks with a real HTTP agent (both played here), while no logger runs; then a real logger writes
what has gathered. Between the steps Redis and Postgres are asked what they hold.
"""

import argparse
import collections
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

QUESTION = "Good morning! Can you tell me when my order 48151 will arrive?"
ANSWER = (
    "Good morning! Your order 48151 left our warehouse yesterday and is on its way to you. It should arrive on "
    "**Thursday between 9 and 12**. You will get a message an hour before. If nobody is at home, the driver leaves it "
    "with a neighbour, and a card in your letter box says with whom. Is there anything else that I can do for you?")


class Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps(self.content()).encode()
        self.wfile.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


class Agent(Quiet):
    def content(self):
        return {"text": ANSWER, "request_id": "run_01J9Z3K7Q4M5N6P7R8S9T0V1W2", "finish_reason": "stop"}


class Telegram(Quiet):
    def content(self):
        return {"ok": True, "result": {"message_id": 1000, "date": 1, "chat": {"id": 1, "type": "private"}}}


def serve(handler):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, condition, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"{what} did not come")
        time.sleep(0.1)


class Redis:
    def __init__(self, port):
        self.port = port

    def ask(self, *arguments):
        return subprocess.run(
            ["redis-cli", "-p", str(self.port), *map(str, arguments)], capture_output=True, text=True, check=True).stdout.strip()

    def script(self, text):
        return json.loads(self.ask("EVAL", text, 0))

    def memory(self):
        return int(re.search(r"used_memory:(\d+)", self.ask("INFO", "memory")).group(1))

    def append_only(self):
        return int(re.search(r"aof_current_size:(\d+)", self.ask("INFO", "persistence")).group(1))

    def keys(self):
        """Number and bytes of the keys of each kind, a conversation's or event's own part of their names left out."""
        return self.script("""
            local found = {}
            for _, key in ipairs(redis.call('KEYS', '*')) do
                local kind = string.match(key, '^chatbridge:[a-z]+:[a-z]+') or string.match(key, '^chatbridge:[a-z]+') or key
                local entry = found[kind] or {0, 0, 0}
                entry[1] = entry[1] + 1
                entry[2] = entry[2] + redis.call('MEMORY', 'USAGE', key, 'SAMPLES', 0)
                local type = redis.call('TYPE', key).ok
                if type == 'list' then entry[3] = entry[3] + redis.call('LLEN', key)
                elseif type == 'zset' then entry[3] = entry[3] + redis.call('ZCARD', key)
                elseif type == 'hash' then entry[3] = entry[3] + redis.call('HLEN', key)
                elseif type == 'set' then entry[3] = entry[3] + redis.call('SCARD', key)
                else entry[3] = entry[3] + 1 end
                found[kind] = entry
            end
            return cjson.encode(found)""")


class Postgres:
    def __init__(self, url):
        self.url = url

    def ask(self, statement):
        tool = f"{os.environ['CHATBRIDGE_TEST_POSTGRES_BIN']}/psql"
        return subprocess.run(
            [tool, "-X", "-q", "-A", "-t", "-c", statement, self.url], capture_output=True, text=True, check=True).stdout.strip()

    def number(self, statement):
        return int(float(self.ask(statement) or 0))


class Receiver(Quiet):
    """Takes traces, and looks at none."""

    def content(self):
        return {}


class Program:
    def __init__(self, program, command, folder, settings):
        self.log = open(pathlib.Path(folder) / f"{command}.log", "wb")
        self.process = subprocess.Popen(
            [program, command], cwd=folder, env={"PATH": os.environ["PATH"], "LOG_LEVEL": "warning", **settings},
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def kilobytes(self, name="VmRSS"):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+)", text).group(1))

    def seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def send(port, first, count, conversations):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for number in range(first, first + count):
        chat = 100_000_000 + number % conversations
        update = {
            "update_id": 700_000_000 + number, "message": {
                "message_id": number, "date": int(time.time()), "text": QUESTION,
                "from": {"id": chat, "is_bot": False, "first_name": "Ada", "last_name": "Lovelace", "language_code": "en"},
                "chat": {"id": chat, "first_name": "Ada", "last_name": "Lovelace", "type": "private"}}}
        connection.request(
            "POST", "/webhooks/telegram", json.dumps(update),
            {"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": "s"})
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            raise SystemExit(f"a webhook was answered {response.status}")
    connection.close()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--program", required=True)
    options.add_argument("--redis-port", type=int, required=True)
    options.add_argument("--database", required=True)
    options.add_argument("--messages", type=int, default=10_000)
    options.add_argument("--conversations", type=int, default=1_000)
    options.add_argument("--traced", action="store_true")
    options = options.parse_args()
    redis, postgres = Redis(options.redis_port), Postgres(options.database)
    count, jobs = options.messages, 2 * options.messages
    stores = {"REDIS_URL": f"redis://127.0.0.1:{options.redis_port}/0", "DATABASE_URL": options.database}

    with tempfile.TemporaryDirectory() as folder:
        port, logger_port = free_port(), free_port()
        empty = redis.memory()
        bridge = Program(options.program, "serve", folder, {
            **stores, "PORT": str(port), "SPOOL_DIR": "spool", "TELEGRAM_BOT_TOKEN": "1:t", "TELEGRAM_WEBHOOK_SECRET": "s",
            "TELEGRAM_API_BASE": serve(Telegram), "TELEGRAM_RATE_LIMIT": "off", "AGENT_URL": serve(Agent), "STREAMING": "off",
            **({"OTEL_EXPORTER_OTLP_ENDPOINT": serve(Receiver), "OTEL_BSP_SCHEDULE_DELAY": "500", "OTEL_BSP_MAX_QUEUE_SIZE": "100000"} if options.traced else {})})
        wait_for("the bridge", lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
        time.sleep(2)
        idle, before, started = bridge.kilobytes(), bridge.seconds(), time.monotonic()
        senders = [threading.Thread(target=send, args=(port, n * (count // 4), count // 4, options.conversations)) for n in range(4)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        wait_for("the log", lambda: int(redis.ask("LLEN", "chatbridge:log")) == jobs)
        rate = count / (time.monotonic() - started)
        used = bridge.seconds() - before
        full, append_only, kinds = redis.memory(), redis.append_only(), redis.keys()
        text = int(redis.ask(
            "EVAL", "local n = 0 for _, v in ipairs(redis.call('LRANGE', 'chatbridge:log', 0, -1)) do n = n + #v end return n", 0))
        print(f"\n{count} questions in {options.conversations} conversations, {jobs} log jobs; "
              f"{len(QUESTION)} characters asked, {len(ANSWER)} answered")
        print(f"bridge: {idle / 1024:.1f} MB idle, {bridge.kilobytes('VmHWM') / 1024:.1f} MB at most, "
              f"{1e6 * used / count:.0f} us of CPU a message (at {rate:.0f}/s)")
        print(f"a job: {text / jobs:.0f} bytes of JSON; Redis: {(full - empty) / count:.0f} bytes a message in all, "
              f"{append_only / count:.0f} bytes of append-only file")
        for kind, (keys, size, entries) in sorted(kinds.items(), key=lambda kind: -kind[1][1]):
            if size / count >= 1:
                print(f"  {kind}: {keys} keys, {entries} entries, {size / entries:.0f} bytes an entry, {size / count:.0f} a message")

        postgres.ask("CHECKPOINT")
        wal = postgres.ask("SELECT pg_current_wal_lsn()")
        heap = postgres.number("SELECT pg_total_relation_size('messages') + pg_total_relation_size('sessions')")
        logger = Program(options.program, "logger", folder, {**stores, "LOGGER_PORT": str(logger_port)})
        wait_for("the rows", lambda: postgres.number("SELECT count(*) FROM messages") >= jobs)
        wait_for("the end of the queue", lambda: redis.ask("LLEN", "chatbridge:log") == "0")
        time.sleep(1)
        print(f"logger: {logger.kilobytes() / 1024:.1f} MB after it, {logger.kilobytes('VmHWM') / 1024:.1f} MB at most, "
              f"{1e6 * logger.seconds() / jobs:.0f} us of CPU a row")
        written = postgres.number(f"SELECT pg_current_wal_lsn() - '{wal}'::pg_lsn")
        postgres.ask("VACUUM ANALYZE")
        for table, rows in (("messages", jobs), ("sessions", options.conversations)):
            heap, index = (
                postgres.number(f"SELECT pg_table_size('{table}')"), postgres.number(f"SELECT pg_indexes_size('{table}')"))
            print(f"  {table}: {heap / rows:.0f} bytes a row and {index / rows:.0f} of indexes")
        print(f"  write-ahead log: {written / jobs:.0f} bytes a row")
        print(f"Redis afterwards: {(redis.memory() - empty) / count:.0f} bytes a message (names of events, for a day)")
        codes = bridge.end(), logger.end()
        if codes != (0, 0):
            raise SystemExit(f"exit codes {codes}")


main()
