"""The processes that are killed: Redis, Postgres, bridges, loggers. Each is started again with what it left on disk."""

import asyncio
import os
import pwd
import random
import secrets
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from wire import Redis

PATIENCE = 60
"""Seconds for a start; a busy machine needs some."""

_ports: set[int] = set()


def free_port() -> int:
    """A port of 127.0.0.1 that is free, and that no outgoing connection gets by chance while its server is down."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(1000):
        port = random.randrange(max(2000, first - 20000), max(first, 4000))
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _ports:
            _ports.add(port)
            return port
    raise RuntimeError("no free port")


class Crash(Exception):
    """A process has ended although nobody had killed it, or does not start."""


class Process:
    """A process that ends when it is killed, at a failpoint, or not at all."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], folder: Path):
        self.name = name
        self.command = command
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **environment}
        self.folder = folder
        self.log = folder / f"{name}.log"
        self.process: asyncio.subprocess.Process | None = None
        self.armed = ""

    async def is_ready(self) -> bool:
        return True

    async def start(self, step: str = "") -> None:
        """Starts it and waits until it is of use; `step` is a failpoint at which it will die."""
        started = time.monotonic()
        self.armed = step
        environment = {**self.environment, **({"CHATBRIDGE_FAILPOINT": step} if step else {})}
        while True:
            with self.log.open("ab") as log:
                # Ends with this program, should that be killed too hard to end it itself.
                self.process = await asyncio.create_subprocess_exec(
                    "setpriv", "--pdeathsig", "KILL", *self.command, cwd=self.folder, env=environment,
                    stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log)
            while self.process.returncode is None and time.monotonic() - started < PATIENCE:
                if await self.is_ready():
                    return
                await asyncio.sleep(0.02)
            if self.process.returncode == -signal.SIGKILL and step:
                return  # Dead already: the step is on the way up.
            if not self.may_start_again or time.monotonic() - started > PATIENCE:
                raise Crash(f"{self.name} does not start ({self.process.returncode}):\n{self.last_words()}")
            await asyncio.sleep(0.2)

    may_start_again = False
    """Whether a start may fail while what is left of the process before still ends."""

    def kill_now(self) -> None:
        """kill -9, at this very instant."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()

    async def kill(self) -> None:
        """kill -9, waited for."""
        await self.end(signal.SIGKILL)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ends it by a signal to its own process id, and makes it when it does not."""
        if self.process is None or self.process.returncode is not None:
            return
        self.process.send_signal(number)
        try:
            async with asyncio.timeout(30):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    async def died(self, within: float) -> bool:
        """Waits for its death at a failpoint; false when it is still there."""
        try:
            async with asyncio.timeout(within):
                await self.process.wait()
        except TimeoutError:
            return False
        if self.process.returncode != -signal.SIGKILL:
            raise Crash(f"{self.name} ended by itself with {self.process.returncode}:\n{self.last_words()}")
        return True

    def check(self) -> None:
        """Raises when it has ended unasked."""
        if self.process is not None and self.process.returncode is not None:
            raise Crash(f"{self.name} ended by itself with {self.process.returncode}:\n{self.last_words()}")

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""


async def can_connect(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


class Bridge(Process):
    def __init__(self, name: str, program: str, environment: dict[str, str], folder: Path):
        self.port = free_port()
        super().__init__(
            name, [program, "serve"], {**environment, "HOST": "127.0.0.1", "PORT": str(self.port)}, folder)

    async def is_ready(self) -> bool:
        return await can_connect(self.port)


class Logger(Process):
    def __init__(self, name: str, program: str, environment: dict[str, str], folder: Path):
        super().__init__(name, [program, "logger"], environment, folder)


class RedisServer(Process):
    def __init__(self, program: str, folder: Path, appendfsync: str):
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        data = folder / "redis"
        data.mkdir()
        super().__init__(
            "redis",
            [program, "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(data), "--appendonly", "yes",
             "--appendfsync", appendfsync, "--save", "", "--daemonize", "no"], {}, folder)

    async def is_ready(self) -> bool:
        try:
            async with Redis(self.port) as redis:
                return await redis.send("PING") == "PONG"
        except (OSError, EOFError):
            return False  # Not there, or still loading.


class PostgresServer(Process):
    may_start_again = True

    def __init__(self, programs: Path, user: str, folder: Path):
        self.port = free_port()
        self.programs = programs
        self.data = folder / "postgres"
        self.password = secrets.token_hex(16)
        self.user = user
        self.url = f"postgres://chatbridge:{self.password}@127.0.0.1:{self.port}/postgres"
        # A server is killed here, its machine is not: fsync would cost time and show nothing.
        super().__init__(
            "postgres",
            [*self.as_user, str(programs / "postgres"), "-D", str(self.data / "data"), "-p", str(self.port),
             "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off",
             "-c", "max_connections=60", "-c", "timezone=UTC"], {}, folder)

    @property
    def as_user(self) -> list[str]:
        """Postgres refuses to be root."""
        if not self.user or os.getuid() != 0:
            return []
        entry = pwd.getpwnam(self.user)
        return ["setpriv", "--pdeathsig", "KILL", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]

    async def make(self) -> None:
        """Makes the cluster."""
        self.data.mkdir()
        secret = self.data / "password"
        secret.write_text(self.password + "\n")
        secret.chmod(0o600)
        if self.as_user:
            for path in (self.data, secret):
                os.chown(path, pwd.getpwnam(self.user).pw_uid, -1)
        await run(
            [*self.as_user, str(self.programs / "initdb"), f"--pgdata={self.data}/data", "--username=chatbridge",
             f"--pwfile={secret}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"],
            {"PATH": os.environ["PATH"]}, self.data)

    async def is_ready(self) -> bool:
        try:
            return await self.query("SELECT 1") == "1\n"
        except Crash:
            return False

    async def kill(self) -> None:
        """Kills the server; its children see that and end, and hold its memory until then."""
        children = self.children()
        await super().kill()
        async with asyncio.timeout(PATIENCE):
            while any(Path(f"/proc/{child}").exists() for child in children):
                await asyncio.sleep(0.01)

    def children(self) -> list[int]:
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    async def query(self, sql: str) -> str:
        """What psql prints, unaligned."""
        return await run(
            [str(self.programs / "psql"), "-XAtq", "-h", "127.0.0.1", "-p", str(self.port), "-U", "chatbridge",
             "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-c", sql],
            {"PATH": os.environ["PATH"], "PGPASSWORD": self.password, "PGCONNECT_TIMEOUT": "5"}, self.folder)


async def run(command: list[str], environment: dict[str, str], folder: Path) -> str:
    """Runs a program to its end; its output."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE)
    output, errors = await process.communicate()
    if process.returncode != 0:
        raise Crash(f"{command[0]} failed: {errors.decode(errors='replace')[-1000:]}")
    return output.decode()


async def eventually(what: Callable[[], Awaitable[bool]], within: float, pause: float = 0.1) -> bool:
    """Asks again and again; false when the time is over."""
    end = time.monotonic() + within
    while not await what():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(pause)
    return True
