"""Kills the master of a replicated Redis under load and counts what became of every message; see scripts/test-failover."""

import argparse
import asyncio
import csv
import io
import os
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from counting import Counts, Message, Row, count
from load import TELEGRAM_SECRET, TELEGRAM_TOKEN, WEBHOOK_SECRET, Load, World
from processes import Bridge, Crash, Logger, PostgresServer, eventually, run
from replicated import ClusterSet, PgBouncer, Replicated, SentinelSet
from wire import HTTPClient, Redis, Request

SCENARIOS = ("sentinel-fast", "sentinel-durable", "cluster-fast", "cluster-durable")
PREFIX = "failover"
ERROR_REPLY = "That went wrong; please ask again."
QUIET_BEFORE = 2
"""Seconds of load before the kill."""
LOAD_AFTER = 3
"""Seconds of load once there is a successor."""
LATE = 2.0
"""An answer is late that takes so many seconds; the agent takes up to 0.3, and three questions wait for each other."""
SETTLING = 40


class TimedWorld(World):
    """Notes when each answer was shown first."""

    def __init__(self, seed: int):
        super().__init__(seed)
        self.shown: dict[tuple[str, str], float] = {}
        self.noted = 0

    async def on_telegram(self, request: Request) -> tuple[int, bytes]:
        answer = await super().on_telegram(request)
        self.note()
        return answer

    async def on_reply(self, request: Request) -> tuple[int, bytes]:
        answer = await super().on_reply(request)
        self.note()
        return answer

    def note(self) -> None:
        for delivery in self.deliveries[self.noted:]:
            self.shown.setdefault((delivery.platform, delivery.text), time.monotonic())
        self.noted = len(self.deliveries)


class TimedLoad(Load):
    """Notes when each message was delivered for the first time."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.begun: dict[Message, float] = {}

    async def deliver(self, message: Message) -> None:
        self.begun.setdefault(message, time.monotonic())
        await super().deliver(message)


@dataclass
class Result:
    counts: Counts
    late: int
    slowest: float
    median: float
    refused: int
    failover: float
    rows: int
    strangers: int
    """Rows of messages that nobody sent."""
    left: dict[str, int]


class Deployment:
    def __init__(self, options: argparse.Namespace, scenario: str, folder: Path):
        kind, self.ack = scenario.split("-")
        self.options, self.folder = options, folder
        program = os.environ.get("CHATBRIDGE_TEST_REDIS_SERVER", "redis-server")
        self.redis: Replicated = (SentinelSet if kind == "sentinel" else ClusterSet)(program, folder)
        self.postgres = PostgresServer(
            Path(os.environ["CHATBRIDGE_TEST_POSTGRES_BIN"]), os.environ.get("CHATBRIDGE_TEST_POSTGRES_USER", ""), folder)
        self.pooler = PgBouncer(options.pgbouncer, self.postgres, folder) if kind == "cluster" else None
        self.world = TimedWorld(1)
        self.bridges: list[Bridge] = []
        self.loggers: list[Logger] = []

    async def start(self) -> None:
        await self.postgres.make()
        await asyncio.gather(self.redis.start(), self.postgres.start(), self.world.start())
        if self.pooler:
            for path in (self.folder / "pgbouncer.ini", self.folder / "pgbouncer-users.txt"):
                path.chmod(0o644)
            await self.pooler.start()
        common = {
            "REDIS_URL": self.redis.url, "REDIS_PREFIX": PREFIX, "LOG_FORMAT": "text",
            "DATABASE_URL": (self.pooler or self.postgres).url, "LEASE_MS": str(round(self.options.lease * 1000))}
        environment = {"PATH": os.environ["PATH"], **common}
        # Two at a time: the later one finds nothing left to do.
        await asyncio.gather(*(run([self.options.program, "migrate", "up"], environment, self.folder) for _ in range(2)))
        bridge = {
            **common, "ACK": self.ack, "SPOOL_DIR": str(self.folder / "spool"), "STREAMING": "off",
            "TYPING_DELAY_MS": "0", "ERROR_REPLY": ERROR_REPLY, "AGENT": "http",
            "TELEGRAM_BOT_TOKEN": TELEGRAM_TOKEN, "TELEGRAM_WEBHOOK_SECRET": TELEGRAM_SECRET,
            "TELEGRAM_RATE_LIMIT": "off", "WEBHOOK_SECRET": WEBHOOK_SECRET, "WEBHOOK_RATE_LIMIT": "off"}
        # With fast, two bridges that cannot ask Redis both answer what a platform delivers to both: one is what is promised.
        names = [f"bridge-{number}" for number in range(1 if self.ack == "fast" else 2)]
        self.bridges = [
            Bridge(name, self.options.program, {**bridge, **self.world.addresses(name)}, self.folder) for name in names]
        self.loggers = [
            Logger(f"logger-{number}", self.options.program, common, self.folder) for number in range(2)]
        await asyncio.gather(*(process.start() for process in [*self.bridges, *self.loggers]))

    async def stop(self) -> None:
        for group in (self.bridges, self.loggers, [self.pooler] if self.pooler else [], [self.postgres]):
            await asyncio.gather(*(process.kill() for process in group), return_exceptions=True)
        await self.redis.stop()

    async def suffer(self) -> float:
        """Kills the master that is used the most; how long nobody was in its place."""
        dead = await self.redis.busiest()
        started = time.monotonic()
        await dead.kill()

        async def has_successor() -> bool:
            return await self.redis.successor(dead) is not None

        if not await eventually(has_successor, 30, pause=0.05):
            raise RuntimeError("nobody takes the dead master's place")
        took = time.monotonic() - started
        await asyncio.sleep(LOAD_AFTER / 2)
        # It comes back with what it had, and is told that it is a replica now.
        await dead.start()
        await asyncio.sleep(LOAD_AFTER / 2)
        return took

    async def what_is_left(self) -> dict[str, int]:
        left: dict[str, int] = {}
        for node in await self.redis.masters():
            async with Redis(node.port) as redis:
                for kind in ("log", "log:claimed:*", "inbox:held:*", "inbox:mail:*"):
                    for name in await redis.names(f"{PREFIX}*:{kind}"):
                        left[name] = await redis.send("HLEN" if ":held:" in name else "LLEN", name)
        left["questions at the agent"] = self.world.thinking
        left["spooled files"] = len(list((self.folder / "spool").glob("*/*.spool")))
        return {name: number for name, number in left.items() if number}

    async def settle(self) -> dict[str, int]:
        """What is left when nothing changes any more, or when the time is over."""
        seen: list[tuple[int, str]] = []

        async def is_at_rest() -> bool:
            for process in [*self.bridges, *self.loggers]:
                process.check()
            if await self.what_is_left():
                seen.clear()
                return False
            seen.append((len(self.world.deliveries), await self.postgres.query("SELECT count(*) FROM messages")))
            return len(seen) > 5 and len(set(seen[-5:])) == 1

        return {} if await eventually(is_at_rest, SETTLING, pause=0.2) else await self.what_is_left()

    async def dead_letters(self) -> tuple[list[str], int]:
        letters: list[str] = []
        log_dead = 0
        for node in await self.redis.masters():
            async with Redis(node.port) as redis:
                for name in await redis.names(f"{PREFIX}*:inbox:dead"):
                    letters += await redis.send("LRANGE", name, 0, -1)
                for name in await redis.names(f"{PREFIX}*:log:dead"):
                    log_dead += await redis.send("LLEN", name)
        return letters, log_dead

    async def measure(self) -> Result:
        clients = [HTTPClient(bridge.port) for bridge in self.bridges]
        load = TimedLoad(random.Random(1), clients, 1000, max(8, round(self.options.rate * 0.4)), self.options.rate)
        is_over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(load.run(is_over))
            await asyncio.sleep(QUIET_BEFORE)
            failover = await self.suffer()
            is_over.set()
            async with asyncio.timeout(SETTLING):
                await sending
        for client in clients:
            client.close()
        left = await self.settle()
        text = await self.postgres.query("""
            COPY (SELECT m.id, m.direction, s.platform, s.platform_conversation_id, coalesce(m.content_text, ''), m.status,
                         coalesce(m.metadata->>'in_reply_to', '')
                  FROM messages m JOIN sessions s ON s.id = m.session_id ORDER BY m.id) TO STDOUT (FORMAT csv)""")
        rows = [Row(*fields) for fields in csv.reader(io.StringIO(text))]
        letters, log_dead = await self.dead_letters()
        counts = count(load.sent, load.acked, self.world.deliveries, rows, ERROR_REPLY, letters, log_dead)
        known = {(message.platform, message.conversation, text) for message in load.sent
                 for text in (message.text, message.answer)}
        strangers = sum(
            (row.platform, row.conversation, row.text) not in known and row.text != ERROR_REPLY for row in rows)
        waits = sorted(
            self.world.shown[message.platform, message.answer] - begun for message, begun in load.begun.items()
            if (message.platform, message.answer) in self.world.shown)
        return Result(
            counts, sum(wait > LATE for wait in waits), waits[-1] if waits else 0, waits[len(waits) // 2] if waits else 0,
            load.refused, failover, len(rows), strangers, left)


def faults(result: Result) -> list[str]:
    counts = result.counts
    found = [] if counts.acked == counts.sent else [f"{counts.sent - counts.acked} messages were never acknowledged"]
    for name, meaning in (
            ("lost", "users without an answer"), ("twice", "users who read an answer twice"),
            ("inbound_doubled", "questions that are in the log twice"),
            ("outbound_doubled", "answers that are in the log twice"), ("log_dead", "dead letters of the log")):
        if getattr(counts, name):
            found.append(f"{getattr(counts, name)} {meaning}: {counts.examples.get(name, [])}")
    if result.strangers:
        found.append(f"{result.strangers} rows of messages that nobody sent")
    if result.left:
        found.append(f"not at rest after {SETTLING} s: {result.left}")
    return found


def report(scenario: str, result: Result) -> str:
    counts = result.counts
    lost = counts.inbound_missing + counts.outbound_missing
    return (
        f"{scenario:17} {counts.sent:6} {counts.once:9} {counts.in_doubt:9} {counts.lost:5} {counts.twice:6}"
        f" {counts.reordered:6} {result.late:5} {result.median * 1000:7.0f} {result.slowest * 1000:8.0f} {result.refused:8}"
        f" {result.failover:8.1f} {result.rows:6} {lost:8}")


HEAD = (
    "scenario            sent  answered  in doubt  lost  twice  order  late   p50 ms   max ms  refused  failover"
    "   rows log lost")

LEGEND = """
answered: once, by the agent's words. in doubt: told by ERROR_REPLY, since it was not known whether the answer had been shown.
order: answers shown after the answer to a later message. late: answered after more than 2 s, counted from the first delivery.
refused: deliveries that were not acknowledged, which the platform repeats (ACK=durable answers 503 while the keys have no
master). failover: seconds until a successor served the keys.
log lost: rows of messages or answers that Redis had confirmed and that were not with the replica yet when the master died:
Redis replicates asynchronously. min-replicas-to-write 1 makes a master without a replica refuse writes (the bridge spools
then) and bounds what a cut-off master can take by min-replicas-max-lag; it does not wait for the replica. WAIT after each
push would, at the cost of a round trip between the servers for each, and even then a replica that has not got it may be
elected. The spool has what was refused or unanswered, so it is the confirmed and unreplicated alone that is lost."""


async def examine(options: argparse.Namespace, scenario: str, folder: Path) -> Result:
    deployment = Deployment(options, scenario, folder)
    try:
        await deployment.start()
        return await deployment.measure()
    finally:
        await deployment.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/test-failover")
    parser.add_argument("--program", required=True)
    parser.add_argument("--pgbouncer", required=True)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--lease", type=float, default=5)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    options = parser.parse_args()
    if wrong := set(options.scenarios) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(wrong)} ({', '.join(SCENARIOS)})")
    print(HEAD, flush=True)
    failures = []
    for scenario in options.scenarios or SCENARIOS:
        with tempfile.TemporaryDirectory(prefix="failover.", dir=os.environ.get("TMPDIR")) as temporary:
            folder = options.keep / scenario if options.keep else Path(temporary)
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o711)
            try:
                result = asyncio.run(examine(options, scenario, folder))
            except (Crash, RuntimeError, TimeoutError, ExceptionGroup) as error:
                failures.append(f"{scenario}: {error!r}")
                continue
        print(report(scenario, result), flush=True)
        failures += [f"{scenario}: {fault}" for fault in faults(result)]
    print(LEGEND)
    for failure in failures:
        print(f"FAIL: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
