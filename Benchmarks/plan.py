"""What is measured: the scenarios, and the bridges that they are run against."""
import os
import shlex
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
BUILT = os.path.join(os.path.dirname(HERE), '.build', 'bench')


@dataclass
class Scenario:
    """A load for the harness."""

    about: str
    flags: str
    # Bridges that it is for: all, or ChatBridge alone, since the others cannot do it.
    ours_alone: bool = False
    # Variables for the bridge's command.
    environment: dict = field(default_factory=dict)
    # At most so many rounds.
    rounds: int = 99
    # At least so many where all scenarios are run: what is marked by single microseconds, or by the slowest of a hundred.
    least: int = 0
    # What it takes besides the seconds of its flags.
    overhead: float = 1.5

    def rounds_of(self, wanted):
        """How many rounds it takes of a run of all scenarios that has so many."""
        return min(max(wanted, self.least), self.rounds)

    @property
    def seconds(self):
        """How long a run takes, roughly."""
        flags = self.flags.split()
        value = lambda name: float(flags[flags.index(name) + 1]) if name in flags else 0
        held = (value('--delay') + value('--stream') * value('--piece-ms')) / 1000
        return sum(map(value, ('--warmup', '--seconds', '--idle'))) + held + self.overhead


# W: messages kept in flight. The stopped scenarios stop Redis for six seconds in the middle.
SCENARIOS = {
    'open': Scenario('500 messages a second, due by the clock', '--rate 500 --warmup 3 --seconds 5 --idle 1', least=5),
    'w64': Scenario('64 messages always in flight', '--window 64 --warmup 1.5 --seconds 3', least=3),
    'w512': Scenario(
        '512 messages always in flight', '--window 512 --conversations 4000 --warmup 1.5 --seconds 3', least=3),
    'loops64': Scenario(
        'w64 with CHATBRIDGE_LOOPS=2', '--window 64 --warmup 1.5 --seconds 3', ours_alone=True,
        environment={'CHATBRIDGE_LOOPS': '2'}, least=3),
    'loops512': Scenario(
        'w512 with CHATBRIDGE_LOOPS=2', '--window 512 --conversations 4000 --warmup 1.5 --seconds 3', ours_alone=True,
        environment={'CHATBRIDGE_LOOPS': '2'}, least=3),
    'think': Scenario(
        '1,000 a second to an agent that takes a second: 1,000 answers in flight',
        '--rate 1000 --delay 1000 --conversations 5000 --warmup 2 --seconds 6', least=5),
    'stopped': Scenario(
        'as open, and Redis is stopped for six seconds',
        '--rate 500 --warmup 2 --seconds 8 --redis-stop 1 --redis-cont 7 --redis-wait 8', ours_alone=True, rounds=1),
    'steady64': Scenario(
        'as w64, for as long as stopped64', '--window 64 --warmup 1.5 --seconds 8', ours_alone=True),
    'stopped64': Scenario(
        'as w64, and Redis is stopped for six seconds',
        '--window 64 --warmup 1.5 --seconds 8 --redis-stop 1 --redis-cont 7 --redis-wait 8', ours_alone=True,
        overhead=4),
    'slack': Scenario(
        "w64 by Slack: a signed event in, chat.postMessage out", '--platform slack --window 64 --warmup 1.5 --seconds 3',
        ours_alone=True, rounds=2),
    'whatsapp': Scenario(
        "w64 by WhatsApp: a signed webhook in, the Graph API's messages out",
        '--platform whatsapp --window 64 --warmup 1.5 --seconds 3', ours_alone=True, rounds=2),
    'stream': Scenario(
        "200 a second to an agent that streams 20 pieces within 2 s; Telegram's message grows by edits",
        '--stream 20 --piece-ms 100 --rate 200 --conversations 2000 --warmup 2 --seconds 4', ours_alone=True, rounds=2),
    'durable': Scenario(
        'w64 with ACK=durable: acknowledged once it is in Redis', '--window 64 --warmup 1.5 --seconds 3', ours_alone=True,
        environment={'ACK': 'durable'}, rounds=2),
    'embedded': Scenario(
        'w64 by `chatbridge run`: bridge and logger in one process, SQLite', '--no-redis --window 64 --warmup 1.5 --seconds 3',
        ours_alone=True, environment={'BENCH_EMBEDDED': 'yes'}, rounds=2),
    'http': Scenario(
        'the HTTP server alone: GET /health by 64 connections', '--get /health --window 64 --warmup 1 --seconds 2', rounds=2),
    'cold': Scenario('from the start to the first webhook answered', '--rate 100 --warmup 0 --seconds 0.1 --idle 1'),
}
DEFAULT = list(SCENARIOS)
QUICK = ['open', 'w64', 'think', 'cold']


@dataclass
class Peer:
    """A bridge to compare with."""

    about: str
    command: list
    environment: dict = field(default_factory=dict)
    flags: list = field(default_factory=list)
    # httpx' pool collapses near 500/s: such a one gets a tenth of the open loops, and no long queues.
    slow: bool = False

    def shell(self):
        variables = [f'{name}={value}' for name, value in self.environment.items()]
        return shlex.join((['env', *variables] if variables else []) + self.command)


def _python(file):
    return [f'{BUILT}/venv/bin/python', f'{HERE}/peers/{file}']


_NODE_PACKAGES = {'NODE_PATH': '/usr/share/nodejs'}
PEERS = {
    'chatbridge': Peer('ChatBridge', [f'{HERE}/harness/chatbridge-under-test']),
    'floor': Peer('C, one epoll, no JSON parser', [f'{BUILT}/floor']),
    'go': Peer('Go net/http, go-redis', [f'{BUILT}/go']),
    'node': Peer('Node, built-ins only', ['node', f'{HERE}/peers/node.mjs']),
    'express-axios': Peer('Node: express, axios, node-redis', ['node', f'{HERE}/peers/express.cjs'], _NODE_PACKAGES),
    'express-undici': Peer(
        'Node: express, undici, node-redis', ['node', f'{HERE}/peers/express.cjs'], _NODE_PACKAGES | {'HTTP': 'undici'}),
    'aiohttp': Peer('Python: aiohttp, uvloop', _python('aiohttp_uvloop.py')),
    'fastapi': Peer('Python: FastAPI, uvicorn, httpx', _python('fastapi_httpx.py'), slow=True),
    'ptb': Peer(
        "python-telegram-bot's webhook application", _python('python_telegram_bot.py'), flags=['--deny-status', '403'],
        slow=True),
}
MARKED = ['chatbridge', 'floor', 'go', 'node']


def flags_for(scenario, peer):
    """The harness' flags; None where that peer cannot do it."""
    plan = SCENARIOS[scenario]
    if plan.ours_alone and peer is not None and peer is not PEERS['chatbridge']:
        return None
    flags = plan.flags.split()
    if peer is not None:
        flags += peer.flags
        if peer.slow:
            if scenario == 'w512':
                return None
            if '--rate' in flags and scenario != 'cold':
                flags += ['--rate', str(float(flags[flags.index('--rate') + 1]) / 10)]
    return flags
