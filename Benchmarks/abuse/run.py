#!/usr/bin/env python3
"""Attacks a running bridge beside a stream of valid webhooks, and prints what the stream felt. See scripts/abuse."""

import argparse
import base64
import json
import os
import socket
import subprocess
import sys
import time

# kind, connections, sends a second (0: as fast as one core can), what it is.
ATTACKS = [
    ("idle", 10_000, 0, "10,000 connections that say nothing"),
    ("idle-keep-alive", 10_000, 0, "10,000 that asked once"),
    ("slow-headers", 10_000, 0, "10,000 heads, a byte a second"),
    ("slow-bodies", 1_000, 0, "1,000 bodies of 1 MB without their end"),
    ("slow-readers", 2_000, 0, "2,000 that ask for 200 pages and read none"),
    ("pipelining", 64, 0, "64 that pipeline without end"),
    ("pipelined-waits", 2_000, 0, "2,000 that pipeline behind an answer that waits"),
    ("header-bombs", 64, 0, "heads of 100 KB"),
    ("many-headers", 64, 0, "heads of 10,000 fields"),
    ("chunk-bombs", 64, 0, "chunks of 2^64 bytes"),
    ("tiny-chunks", 64, 0, "200,000 chunks of a byte"),
    ("json-bombs", 16, 0, "1 MiB of [ as a visitor's message"),
    ("json-object-bombs", 16, 0, "objects 100,000 deep as a visitor's message"),
    ("visitors", 64, 0, "visitors who write without end"),
    ("forged-large", 64, 0, "forged webhooks of 1 MB"),
    ("forged-connections", 256, 0, "forged webhooks, a connection each"),
    ("forged", 64, 0, "forged webhooks, pipelined"),
]
QUICK = {"idle", "slow-bodies", "pipelining", "json-bombs", "forged-connections", "forged"}
MEMORY_LIMIT = 256
RATIO_LIMIT = 10


def status_of(pid, name):
    """A number of /proc/PID/status, in MB."""
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(name + ":"):
                return int(line.split()[1]) / 1024
    return 0


def cpu_of(pid):
    """Seconds of CPU that a process has used."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def waited_of(pid):
    """Seconds that a process's threads were ready to run and had no core."""
    waited = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
            waited += int(file.read().split()[1])
    return waited / 1e9


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Bench:
    def __init__(self, options):
        self.options = options
        self.port, self.reply_port = free_port(), free_port()
        environment = {
            "PATH": os.environ["PATH"],
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "REDIS_URL": f"redis://127.0.0.1:{options.redis_port}/0",
            "SPOOL_DIR": os.path.join(options.folder, "spool"),
            "AGENT": "echo",
            "WEBHOOK_SECRET": "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode(),
            "WEBHOOK_REPLY_URL": f"http://127.0.0.1:{self.reply_port}/",
            "WEBHOOK_RATE_LIMIT": "off",
            "WEB_ENABLED": "true",
            "LOG_LEVEL": "error",
        }
        self.log = open(os.path.join(options.folder, "bridge.log"), "w+")
        self.bridge = subprocess.Popen(
            [options.chatbridge, "serve"], env=environment, cwd=options.folder, stdout=self.log, stderr=self.log
        )
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                if self.bridge.poll() is not None:
                    break
                time.sleep(0.05)
        self.fail("the bridge does not start")

    def fail(self, words):
        self.log.seek(0)
        sys.exit(f"{words}\n{self.log.read()[-3000:]}")

    def program(self, name, *arguments, nice=0):
        return subprocess.Popen(
            ["nice", "-n", str(nice), os.path.join(self.options.bin, name), *map(str, arguments)],
            stdout=subprocess.PIPE, text=True,
        )

    def stream(self, seconds):
        return self.program("stream", self.port, self.reply_port, self.options.rate, seconds)

    def measure(self, attack=None):
        """The stream's report beside an attack, with the bridge's memory and CPU."""
        seconds = self.options.seconds
        if attack:
            kind, connections, rate, _ = attack
            attacker = self.program(
                "attack", kind, self.port, seconds + 2.5, connections, rate, nice=self.options.attacker_nice)
            # Until its connections stand.
            time.sleep(1.5)
        # Writing 5 sets the peak to what there is now.
        with open(f"/proc/{self.bridge.pid}/clear_refs", "w") as file:
            file.write("5")
        used, waited, begun = cpu_of(self.bridge.pid), waited_of(self.bridge.pid), time.monotonic()
        stream = self.stream(seconds)
        report = json.loads(stream.communicate()[0] or "{}")
        report["cpu"] = (cpu_of(self.bridge.pid) - used) / (time.monotonic() - begun)
        report["waited"] = (waited_of(self.bridge.pid) - waited) / (time.monotonic() - begun)
        report["attack"] = json.loads(attacker.communicate()[0]) if attack else {}
        if self.bridge.poll() is not None:
            self.fail(f"the bridge ended with {self.bridge.returncode} under {attack and attack[0]}")
        report["rss"] = status_of(self.bridge.pid, "VmHWM")
        return report

    def stop(self):
        self.bridge.terminate()
        code = self.bridge.wait(30)
        if code != 0:
            self.fail(f"the bridge ended with {code} when asked to stop")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--chatbridge", required=True)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--redis-port", required=True)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--attacker-nice", type=int, default=10)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("kinds", nargs="*")
    options = parser.parse_args()
    kinds = set(options.kinds) or (QUICK if options.quick else {attack[0] for attack in ATTACKS})
    unknown = kinds - {attack[0] for attack in ATTACKS}
    if unknown:
        sys.exit(f"no such attack: {', '.join(sorted(unknown))}")

    print(
        f"{options.rate} signed webhooks a second for {options.seconds:g} s beside each attack; the attacker has one core"
        f" at nice {options.attacker_nice}. Times in µs from when a webhook was due to its acknowledgement. `wait`: the bridge was ready to run and"
        " had no core, which no program can help.\n")
    print(f"{'attack':<20} {'quiet p99':>9} {'p99':>9} {'ratio':>6} {'max':>9} {'RSS MB':>6} {'CPU':>5} {'wait':>5}  valid"
          f" answered         attacker's requests answered")
    broken, slow = [], []
    for attack in ATTACKS:
        if attack[0] not in kinds:
            continue
        # A bridge of its own for each, and measured quiet before each: a shared machine is not as quick at any time.
        bench = Bench(options)
        quiet = bench.measure()
        report = bench.measure(attack)
        bench.stop()
        for run, name in ((quiet, "quiet before " + attack[0]), (report, attack[0])):
            if run["acknowledged"] < run["sent"]:
                broken.append(f"{name}: {run['sent'] - run['acknowledged']} valid webhooks were not acknowledged")
            if run["replies"] < run["sent"]:
                broken.append(f"{name}: {run['sent'] - run['replies']} answers did not arrive")
        if report["rss"] >= MEMORY_LIMIT:
            broken.append(f"{attack[0]}: {report['rss']:.0f} MB, {MEMORY_LIMIT} are allowed")
        ratio = report["p99"] / max(1, quiet["p99"])
        if ratio > RATIO_LIMIT:
            slow.append(f"{attack[0]} ({ratio:.1f})")
        answers = ", ".join(f"{status}: {count}" for status, count in report["attack"]["answers"].items())
        print(
            f"{attack[0]:<20} {quiet['p99']:>9.0f} {report['p99']:>9.0f} {ratio:>6.1f} {report['max']:>9.0f}"
            f" {report['rss']:>6.0f} {report['cpu']:>5.0%} {report['waited']:>5.0%}  {report['acknowledged']}/{report['sent']}, {report['replies']} "
            f"replies, {report['retried']} again  {answers or '-'}", flush=True)
    print()
    if slow:
        print(f"p99 over {RATIO_LIMIT} x quiet: {', '.join(slow)}")
    else:
        print(f"p99 within {RATIO_LIMIT} x quiet everywhere")
    for fault in broken:
        print(f"BROKEN: {fault}")
    sys.exit(1 if broken else 0)


main()
