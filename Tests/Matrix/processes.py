"""The two servers of the test: a Synapse and a ChatBridge, each a process that can be stopped, killed and started again."""

import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

SERVER_NAME = "matrix.test"
BOT = f"@bridge:{SERVER_NAME}"


def free_port() -> int:
    """A port of 127.0.0.1 that is free, and that no outgoing connection gets by chance while a server is restarted."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(1000):
        port = random.randrange(max(2000, first - 20000), max(first, 4000))
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


class Server:
    """A process that is up when its check succeeds."""

    def __init__(self, name: str, folder: Path, command: list[str], environment: dict[str, str], check: str):
        self.name = name
        self.folder = folder
        self.command = command
        self.environment = environment
        self.check = check
        self.process: subprocess.Popen | None = None
        self.log = folder / f"{name}.log"

    def start(self, patience: float = 90) -> float:
        """Starts it and waits until it answers; the seconds that took."""
        started = time.monotonic()
        with open(self.log, "ab") as log:
            # Ends with this program, should that be killed too hard to end it itself.
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *self.command],
                cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while time.monotonic() - started < patience:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}:\n{self.last_words()}")
            try:
                with urllib.request.urlopen(self.check, timeout=5) as response:
                    if response.status == 200:
                        return time.monotonic() - started
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"{self.name} did not answer within {patience} s:\n{self.last_words()}")

    def stop(self, number: signal.Signals = signal.SIGTERM, patience: float = 30) -> None:
        """Ends it by its process id, and makes it when it does not."""
        if self.process is None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""


class Homeserver(Server):
    """A Synapse on SQLite, without rate limits, that knows the bridge as an application service."""

    def __init__(self, folder: Path, bridge_port: int, as_token: str, hs_token: str):
        folder.mkdir()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # JSON is YAML too.
        registration = {
            "id": "chatbridge", "url": f"http://127.0.0.1:{bridge_port}/webhooks/matrix", "as_token": as_token,
            "hs_token": hs_token, "sender_localpart": BOT[1:].split(":")[0], "rate_limited": False,
            "receive_ephemeral": True,
            "namespaces": {
                "users": [{"exclusive": True, "regex": "@bridge:.*"}], "aliases": [], "rooms": []},
        }
        limit = {"per_second": 10000, "burst_count": 10000}
        configuration = {
            "server_name": SERVER_NAME,
            "listeners": [{
                "port": self.port, "bind_addresses": ["127.0.0.1"], "type": "http", "tls": False,
                "resources": [{"names": ["client", "media"], "compress": False}]}],
            "database": {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}},
            "media_store_path": str(folder / "media"), "signing_key_path": str(folder / "signing.key"),
            "log_config": str(folder / "log.yaml"), "pid_file": str(folder / "pid"), "report_stats": False,
            "trusted_key_servers": [], "suppress_key_server_warning": True,
            "registration_shared_secret": "for-tests", "macaroon_secret_key": "for-tests", "form_secret": "for-tests",
            "enable_registration": True, "enable_registration_without_verification": True,
            "app_service_config_files": [str(folder / "registration.yaml")],
            "rc_message": limit, "rc_registration": limit, "rc_joins": {"local": limit, "remote": limit},
            "rc_login": {"address": limit, "account": limit, "failed_attempts": limit},
            "rc_invites": {"per_room": limit, "per_user": limit, "per_issuer": limit}, "presence": {"enabled": False},
        }
        log = {
            "version": 1, "disable_existing_loggers": False,
            "handlers": {"console": {"class": "logging.StreamHandler"}},
            "root": {"level": "WARNING", "handlers": ["console"]},
        }
        for name, content in [
            ("registration.yaml", registration), ("homeserver.yaml", configuration), ("log.yaml", log)
        ]:
            (folder / name).write_text(json.dumps(content, indent=1))
        command = [sys.executable, "-m", "synapse.app.homeserver", "-c", str(folder / "homeserver.yaml")]
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
        subprocess.run(
            [*command, "--generate-keys"], cwd=folder, env=environment, check=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL)
        super().__init__("homeserver", folder, command, environment, f"{self.url}/_matrix/client/versions")


class Bridge(Server):
    """A `chatbridge run` with the echo agent and a log in SQLite."""

    def __init__(self, folder: Path, program: str, port: int, homeserver: str, as_token: str, hs_token: str):
        folder.mkdir()
        self.database = folder / "chatbridge.db"
        self.url = f"http://127.0.0.1:{port}"
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "HOST": "127.0.0.1", "PORT": str(port), "AGENT": "echo",
            "DATABASE_URL": f"sqlite:{self.database}", "SPOOL_DIR": str(folder / "spool"), "WEB_ENABLED": "false",
            "API_TOKEN": "api-token-of-the-test",
            "LOG_FORMAT": "text", "MATRIX_HOMESERVER": homeserver, "MATRIX_USER_ID": BOT, "MATRIX_AS_TOKEN": as_token,
            "MATRIX_HS_TOKEN": hs_token,
        }
        super().__init__("bridge", folder, [program, "run"], environment, f"{self.url}/health")

    def run(self, *arguments: str) -> str:
        """What the program says to arguments, as `doctor`, with the configuration of the bridge."""
        done = subprocess.run(
            [self.command[0], *arguments], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60)
        return done.stdout + done.stderr

    def transaction(self, token: str, body: object) -> int:
        """Puts a transaction as a homeserver would; the status that it is answered with."""
        request = urllib.request.Request(
            f"{self.url}/webhooks/matrix/_matrix/app/v1/transactions/by-hand-{random.random()}", method="PUT",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status
        except urllib.error.HTTPError as error:
            return error.code

    def taken(self) -> int:
        """Texts that were handed to it since it was started, told sooner than by the log."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as response:
            for line in response.read().decode().splitlines():
                if line.startswith("chatbridge_events_total{") and 'kind="text"' in line and '"matrix"' in line:
                    return int(float(line.split()[-1]))
        return 0

    def rows(self, room: str) -> list[dict]:
        """The log of a room, oldest first, with the metadata as an object."""
        if not self.database.exists():
            return []
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)
        try:
            connection.row_factory = sqlite3.Row
            found = connection.execute(
                "SELECT m.* FROM messages m JOIN sessions s ON s.id = m.session_id"
                " WHERE s.platform = 'matrix' AND s.platform_conversation_id = ? ORDER BY m.created_at, m.id", (room,))
            rows = [dict(row) for row in found]
        except sqlite3.OperationalError:
            # The tables are not there yet.
            return []
        finally:
            connection.close()
        for row in rows:
            row["metadata"] = json.loads(row["metadata"])
            row["attachments"] = json.loads(row["attachments"])
        return rows
