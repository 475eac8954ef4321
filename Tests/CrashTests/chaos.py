"""Kills the processes of a deployment while it is used, and counts what was lost, doubled and put out of order.

See scripts/chaos for the words that it takes and docs/reliability.md for what came of it.
"""

import argparse
import asyncio
import csv
import io
import json
import os
import platform
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import table
from counting import Counts, Delivery, Message, Row, broken, count
from load import TELEGRAM_SECRET, TELEGRAM_TOKEN, WEBHOOK_SECRET, Load, World
from plan import KINDS, TRAPS, Kill, Phase, Planner, failpoints
from processes import Bridge, Crash, Logger, PostgresServer, Process, RedisServer, eventually, run
from wire import HTTPClient, Redis

PREFIX = "chaos"
ERROR_REPLY = "That went wrong; please ask again."
SETTLING = 120
"""Seconds in which everything has to come to rest."""


@dataclass
class Outcome:
    """One line of the table."""

    name: str
    kills: dict[str, int]
    unreached: int
    """Kills at a step that was not come to in time; they were done at that instant instead."""
    seconds: float
    refused: int
    again: int
    counts: Counts
    faults: list[str] = field(default_factory=list)


class Stack:
    """Servers, bridges and loggers of one run."""

    def __init__(self, options: argparse.Namespace, folder: Path):
        self.options = options
        self.folder = folder
        self.world = World(options.seed)
        self.redis = RedisServer(os.environ.get("CHATBRIDGE_TEST_REDIS_SERVER", "redis-server"), folder, options.appendfsync)
        self.postgres = PostgresServer(
            Path(os.environ["CHATBRIDGE_TEST_POSTGRES_BIN"]), os.environ.get("CHATBRIDGE_TEST_POSTGRES_USER", ""), folder)
        self.bridges: list[Bridge] = []
        self.loggers: list[Logger] = []

    @property
    def processes(self) -> dict[str, Process]:
        return {process.name: process for process in [self.redis, self.postgres, *self.bridges, *self.loggers]}

    async def start(self) -> None:
        options = self.options
        await self.postgres.make()
        await asyncio.gather(self.redis.start(), self.postgres.start(), self.world.start())
        common = {
            "REDIS_URL": self.redis.url, "REDIS_PREFIX": PREFIX, "DATABASE_URL": self.postgres.url, "LOG_FORMAT": "text",
            "LEASE_MS": str(round(options.lease * 1000)), "LOG_CLAIM": options.log_claim}
        await run(
            [options.program, "migrate", "up"], {"PATH": os.environ["PATH"], **common}, self.folder)
        bridge = {
            **common, "ACK": options.ack, "CHATBRIDGE_LOOPS": str(options.loops), "SPOOL_DIR": str(self.folder / "spool"), "STREAMING": "off",
            "TYPING_DELAY_MS": "0", "ERROR_REPLY": ERROR_REPLY, "AGENT": "http",
            "TELEGRAM_BOT_TOKEN": TELEGRAM_TOKEN, "TELEGRAM_WEBHOOK_SECRET": TELEGRAM_SECRET,
            "TELEGRAM_RATE_LIMIT": "off", "WEBHOOK_SECRET": WEBHOOK_SECRET, "WEBHOOK_RATE_LIMIT": "off"}
        names = [f"bridge-{number}" for number in range(options.bridges)]
        self.bridges = [
            Bridge(name, options.program, {**bridge, **self.world.addresses(name)}, self.folder) for name in names]
        self.loggers = [
            Logger(f"logger-{number}", options.program, common, self.folder) for number in range(options.loggers)]
        await asyncio.gather(*(process.start() for process in [*self.bridges, *self.loggers]))

    async def stop(self) -> None:
        for group in (self.bridges, self.loggers, [self.redis, self.postgres]):
            await asyncio.gather(*(process.kill() for process in group), return_exceptions=True)

    # Killing

    async def suffer(self, name: str, kills: list[Kill]) -> int:
        """Takes one process through its kills; how many steps were not come to."""
        process = self.processes[name]
        unreached = 0
        for kill, following in zip(kills, [*kills[1:], None]):
            if kill.step:
                if kill.is_trap:
                    self.world.trap(name, kill.server, kill.count, process.kill_now)
                elif not process.armed:
                    # It is told at its start where to die. A clean end before it is no kill.
                    await process.end()
                    await process.start(kill.order)
                if not await process.died(kill.after):
                    unreached += 1
                    self.world.traps.pop((name, kill.server), None)
                    await process.kill()
            else:
                await asyncio.sleep(kill.after)
                process.check()
                await process.kill()
            await asyncio.sleep(kill.down)
            await process.start(following.order if following else "")
        return unreached

    async def phase(self, phase: Phase, number: int) -> tuple[Load, int]:
        options = self.options
        clients = [HTTPClient(bridge.port) for bridge in self.bridges]
        load = Load(
            random.Random(f"{options.seed} {number}"), clients, 1000 * (number + 1), max(4, round(options.rate * 0.4)),
            options.rate)
        is_over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(load.run(is_over))
            # The first kill of a phase finds a deployment at work.
            await asyncio.sleep(0.5)
            suffering = [group.create_task(self.suffer(*item)) for item in phase.targets.items()]
            await asyncio.wait(suffering, return_when=asyncio.FIRST_EXCEPTION)
            if not suffering:
                await asyncio.sleep(5)
            is_over.set()
            async with asyncio.timeout(SETTLING):
                await sending
        for client in clients:
            client.close()
        return load, sum(task.result() for task in suffering)

    # Coming to rest

    async def what_is_left(self) -> dict[str, int]:
        """All that is still on its way, as far as it can be seen from outside; empty when nothing is."""
        left: dict[str, int] = {}
        async with Redis(self.redis.port) as redis:
            left["queue"] = await redis.send("LLEN", f"{PREFIX}:log")
            for name in await redis.names(f"{PREFIX}:log:claimed:*"):
                left[name] = await redis.send("LLEN", name)
            for kind in ("held", "begun"):
                for name in await redis.names(f"{PREFIX}:inbox:{kind}:*"):
                    left[name] = await redis.send("HLEN", name)
            for name in await redis.names(f"{PREFIX}:inbox:mail:*"):
                left[name] = await redis.send("LLEN", name)
        left["questions at the agent"] = self.world.thinking
        left["spooled files"] = len(list((self.folder / "spool").glob("*/*.spool")))
        return {name: count for name, count in left.items() if count}

    async def settle(self) -> dict[str, int]:
        """Waits until nothing is on its way and nothing comes any more; what is left when the time is over."""
        seen: list[tuple[int, str]] = []

        async def is_at_rest() -> bool:
            for process in self.processes.values():
                process.check()
            if await self.what_is_left():
                seen.clear()
                return False
            seen.append((len(self.world.deliveries), await self.postgres.query("SELECT count(*) FROM messages")))
            # Bridges retry and linger: a second without any change.
            return len(seen) > 5 and len(set(seen[-5:])) == 1

        if await eventually(is_at_rest, SETTLING, pause=0.25):
            return {}
        return await self.what_is_left()

    async def restart(self) -> None:
        """Everything, in an orderly manner."""
        for group in (self.bridges, self.loggers, [self.redis], [self.postgres]):
            await asyncio.gather(*(process.end() for process in group))
        for group in ([self.redis, self.postgres], self.loggers, self.bridges):
            await asyncio.gather(*(process.start() for process in group))

    # Counting

    async def count(self, load: Load, deliveries: list[Delivery], log_dead: int) -> Counts:
        lanes = {message.conversation for message in load.sent}
        names = ",".join(f"'{name}'" for name in sorted(lanes)) or "''"
        text = await self.postgres.query(f"""
            COPY (SELECT m.id, m.direction, s.platform, s.platform_conversation_id, coalesce(m.content_text, ''), m.status,
                         coalesce(m.metadata->>'in_reply_to', '')
                  FROM messages m JOIN sessions s ON s.id = m.session_id WHERE s.platform_conversation_id IN ({names})
                  ORDER BY m.id) TO STDOUT (FORMAT csv)""")
        rows = [Row(*fields) for fields in csv.reader(io.StringIO(text))]
        async with Redis(self.redis.port) as redis:
            dead = await redis.send("LRANGE", f"{PREFIX}:inbox:dead", 0, -1)
        (self.folder / "dead.json").write_text("\n".join(dead))
        mine = [delivery for delivery in deliveries if delivery.conversation in lanes]
        return count(load.sent, load.acked, mine, rows, ERROR_REPLY, dead, log_dead)

    async def log_dead(self) -> int:
        async with Redis(self.redis.port) as redis:
            return await redis.send("LLEN", f"{PREFIX}:log:dead")


async def measure(options: argparse.Namespace, phases: list[Phase], folder: Path) -> list[Outcome]:
    stack = Stack(options, folder)
    outcomes: list[Outcome] = []
    loads: list[tuple[Phase, Load]] = []
    try:
        await stack.start()
        log_dead = 0
        for number, phase in enumerate(phases):
            started = time.monotonic()
            load, unreached = await stack.phase(phase, number)
            left = await stack.settle()
            now_dead = await stack.log_dead()
            counts = await stack.count(load, stack.world.deliveries, now_dead - log_dead)
            log_dead = now_dead
            kills = {kind: phase.kills_of(kind) for kind in KINDS}
            faults = broken(counts, options.judge or options.ack, kills["bridge"] > 0, kills["redis"] > 0)
            if left:
                faults.append(f"not at rest after {SETTLING} s: {left}")
            outcomes.append(Outcome(
                phase.name, kills, unreached, time.monotonic() - started, load.refused, load.again, counts, faults))
            loads.append((phase, load))
            print(table.line(outcomes[-1]), flush=True)
        # Whatever a restart brings to light belongs to the whole, and is counted again.
        await stack.restart()
        left = await stack.settle()
        whole = Load(random.Random(0), [], 0, 0, 0)
        for _, load in loads:
            whole.sent += load.sent
            whole.acked |= load.acked
            whole.refused += load.refused
            whole.again += load.again
        counts = await stack.count(whole, stack.world.deliveries, await stack.log_dead())
        kills = {kind: sum(outcome.kills[kind] for outcome in outcomes) for kind in KINDS}
        faults = broken(counts, options.judge or options.ack, kills["bridge"] > 0, kills["redis"] > 0)
        if left:
            faults.append(f"not at rest after a restart: {left}")
        outcomes.append(Outcome(
            "everything", kills, sum(outcome.unreached for outcome in outcomes),
            sum(outcome.seconds for outcome in outcomes), whole.refused, whole.again, counts, faults))
        print(table.line(outcomes[-1]), flush=True)
    except* Crash as group:
        for error in group.exceptions:
            print(f"chaos: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    finally:
        await stack.stop()
    return outcomes


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/chaos")
    parser.add_argument("--program", required=True)
    parser.add_argument("--sources", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ack", choices=("durable", "fast"), default="durable")
    parser.add_argument("--bridges", type=int, default=2)
    parser.add_argument("--loggers", type=int, default=2)
    parser.add_argument("--loops", type=int, default=1, help="of each bridge")
    parser.add_argument("--rate", type=float, default=100, help="messages a second")
    parser.add_argument("--lease", type=float, default=2, help="seconds")
    parser.add_argument("--appendfsync", choices=("always", "everysec", "no"), default="always")
    parser.add_argument("--log-claim", choices=("reliable", "brpop"), default="reliable")
    parser.add_argument("--only", choices=KINDS, help="kills of this sort alone")
    parser.add_argument("--steps", nargs="?", const="", help="kills at steps alone; with a word, at those that have it")
    parser.add_argument("--judge", choices=("durable", "fast"), help="by the promises of this mode instead of --ack's")
    parser.add_argument("--expect-faults", action="store_true", help="succeeds when promises are broken, and only then")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path, help="a folder for logs and data, which stay there")
    return parser.parse_args()


def planned(options: argparse.Namespace) -> list[Phase]:
    planner = Planner(options.seed, options.bridges, options.loggers, options.lease)
    steps = failpoints(options.sources) + TRAPS
    if options.only:
        return [Phase(f"{options.only} at random", planner.at_random(options.only, options.kills))]
    if options.steps is not None:
        steps = [step for step in steps if options.steps in step]
        return planner.step_phases(max(1, options.kills // max(1, len(steps))), steps)
    return planner.phases(options.kills, steps)


def main() -> int:
    options = arguments()
    phases = planned(options)
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="chaos.", dir=os.environ.get("TMPDIR")) as temporary:
        folder = options.keep or Path(temporary)
        folder.chmod(0o711)
        print(table.HEAD, flush=True)
        outcomes = asyncio.run(measure(options, phases, folder))
    print(table.legend(outcomes))
    if options.json:
        options.json.write_text(table.as_json(outcomes, options, platform.platform(), os.cpu_count() or 0))
    faults = [f"{outcome.name}: {fault}" for outcome in outcomes for fault in outcome.faults]
    for fault in faults:
        print(f"{'found' if options.expect_faults else 'FAIL'}: {fault}")
    if options.expect_faults:
        return 0 if faults else 1
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
