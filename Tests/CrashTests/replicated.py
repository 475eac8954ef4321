"""Redis servers that replicate each other, by sentinels or as a cluster, and a PgBouncer before Postgres."""

import asyncio
from abc import ABC, abstractmethod
from pathlib import Path

from processes import PostgresServer, Process, eventually, free_port, run
from wire import Redis


class Node(Process):
    """One Redis server, with its own file of what it is told."""

    def __init__(self, name: str, program: str, folder: Path, options: list[str]):
        self.port = free_port()
        data = folder / name
        data.mkdir()
        super().__init__(
            name,
            [program, "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(data), "--appendonly", "yes",
             "--save", "", "--repl-diskless-sync-delay", "0", "--repl-timeout", "10", *options], {}, folder)

    async def is_ready(self) -> bool:
        return await self.ask("PING") == "PONG"

    async def ask(self, *words: str | int) -> object:
        """The reply; None where it does not answer."""
        try:
            async with asyncio.timeout(2), Redis(self.port) as redis:
                return await redis.send(*words)
        except (OSError, EOFError, TimeoutError):
            return None

    @property
    def lives(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def is_master(self) -> bool:
        role = await self.ask("ROLE") if self.lives else None
        return isinstance(role, list) and role[0] == "master"

    async def facts(self, section: str) -> dict[str, str]:
        text = await self.ask("INFO", section)
        return dict(line.split(":", 1) for line in str(text or "").splitlines() if ":" in line)


class Replicated(ABC):
    """A set of servers, of which one dies."""

    nodes: list[Node]
    url = ""

    @abstractmethod
    async def start(self) -> None: ...

    @abstractmethod
    async def successor(self, dead: Node) -> Node | None:
        """Who has taken a dead master's place; None while nobody has."""

    async def masters(self) -> list[Node]:
        return [node for node in self.nodes if await node.is_master()]

    async def busiest(self) -> Node:
        """The master that was sent the most."""
        masters = await self.masters()
        sent = [int((await node.facts("stats")).get("total_net_input_bytes", 0)) for node in masters]
        return masters[sent.index(max(sent))]

    async def stop(self) -> None:
        await asyncio.gather(*(node.kill() for node in self.nodes))


class SentinelSet(Replicated):
    def __init__(self, program: str, folder: Path):
        self.nodes = [Node(f"redis-{number}", program, folder, []) for number in range(2)]
        self.nodes[1].command += ["--replicaof", f"127.0.0.1 {self.nodes[0].port}"]
        self.sentinels = []
        for number in range(3):
            port = free_port()
            file = folder / f"sentinel-{number}.conf"
            file.write_text(
                f"sentinel monitor main 127.0.0.1 {self.nodes[0].port} 2\nsentinel down-after-milliseconds main 1000\n"
                "sentinel failover-timeout main 5000\n")
            sentinel = Process(
                f"sentinel-{number}",
                [program, str(file), "--sentinel", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)], {},
                folder)
            self.sentinels.append((port, sentinel))
        places = ",".join(f"127.0.0.1:{port}" for port, _ in self.sentinels)
        self.url = f"redis+sentinel://{places}/main"

    async def start(self) -> None:
        for node in self.nodes:
            await node.start()
        for _, sentinel in self.sentinels:
            await sentinel.start()

        async def is_whole() -> bool:
            for port, _ in self.sentinels:
                try:
                    async with Redis(port) as redis:
                        words = await redis.send("SENTINEL", "MASTER", "main")
                except (OSError, EOFError):
                    return False
                facts = dict(zip(words[::2], words[1::2]))
                if facts["num-other-sentinels"] != "2" or facts["num-slaves"] != "1":
                    return False
            return (await self.nodes[1].facts("replication")).get("master_link_status") == "up"

        if not await eventually(is_whole, 30):
            raise RuntimeError("the sentinels do not find each other")

    async def successor(self, dead: Node) -> Node | None:
        other = self.nodes[1 - self.nodes.index(dead)]
        return other if await other.is_master() else None

    async def stop(self) -> None:
        await asyncio.gather(*(sentinel.kill() for _, sentinel in self.sentinels))
        await super().stop()


class ClusterSet(Replicated):
    def __init__(self, program: str, folder: Path):
        self.folder = folder
        self.nodes = [
            Node(f"redis-{number}", program, folder, [
                "--cluster-enabled", "yes", "--cluster-port", str(free_port()), "--cluster-node-timeout", "1500",
                "--cluster-replica-validity-factor", "0", "--cluster-require-full-coverage", "no"])
            for number in range(6)]
        self.url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes[:3])

    async def start(self) -> None:
        await asyncio.gather(*(node.start() for node in self.nodes))
        await run(
            ["redis-cli", "--cluster", "create", *(f"127.0.0.1:{node.port}" for node in self.nodes),
             "--cluster-replicas", "1", "--cluster-yes"], self.nodes[0].environment, self.folder)

        async def is_whole() -> bool:
            for node in self.nodes:
                if "cluster_state:ok" not in str(await node.ask("CLUSTER", "INFO")):
                    return False
                facts = await node.facts("replication")
                if facts.get("role") == "slave" and facts.get("master_link_status") != "up":
                    return False
            return len(await self.masters()) == 3

        if not await eventually(is_whole, 30):
            raise RuntimeError("the cluster does not come together")

    async def successor(self, dead: Node) -> Node | None:
        masters = await self.masters()
        if len([node for node in masters if node is not dead]) < 3:
            return None
        states = [str(await node.ask("CLUSTER", "INFO")) for node in self.nodes if node is not dead]
        return masters[-1] if all("cluster_state:ok" in state for state in states) else None


class PgBouncer(Process):
    """A pooler in transaction mode, with fewer connections to the server than it has clients."""

    def __init__(self, program: str, postgres: PostgresServer, folder: Path):
        self.port = free_port()
        self.url = f"postgres://chatbridge:{postgres.password}@127.0.0.1:{self.port}/postgres"
        file, users = folder / "pgbouncer.ini", folder / "pgbouncer-users.txt"
        users.write_text(f'"chatbridge" "{postgres.password}"\n')
        file.write_text(
            f"[databases]\n* = host=127.0.0.1 port={postgres.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = scram-sha-256\nauth_file = {users}\npool_mode = transaction\ndefault_pool_size = 3\n"
            "server_lifetime = 2\n")
        super().__init__("pgbouncer", [*postgres.as_user, program, str(file)], {}, folder)

    async def is_ready(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True
