"""What the benchmarks of the logger share: jobs as a bridge writes them, Redis, Postgres, a logger that drains a queue.

Used by logger.py and scale.py.
"""
import json
import os
import signal
import socket
import subprocess
import sys
import time

WORDS = 'the quick brown fox jumps over the lazy dog while agents answer messages from people on slack '
LIST = 'chatbridge:log'


class Redis:
    """As much of the protocol as is needed here."""

    def __init__(self, port):
        self.socket = socket.create_connection(('127.0.0.1', port))
        self.reader = self.socket.makefile('rb')

    def send(self, *arguments):
        parts = [a if isinstance(a, bytes) else str(a).encode() for a in arguments]
        self.socket.sendall(b'*%d\r\n' % len(parts) + b''.join(b'$%d\r\n%s\r\n' % (len(p), p) for p in parts))
        return self.reply()

    def reply(self):
        line = self.reader.readline()
        if line[:1] == b'-':
            raise RuntimeError(line.decode())
        if line[:1] == b':':
            return int(line[1:])
        if line[:1] == b'*':
            return [self.reply() for _ in range(int(line[1:]))]
        if line[:1] == b'$':
            length = int(line[1:])
            return None if length < 0 else self.reader.read(length + 2)[:-2]
        return line

    def fill(self, queue, key=LIST):
        for i in range(0, len(queue), 1000):
            self.send('LPUSH', key, *queue[i:i + 1000])

    def is_drained(self):
        """Nothing waits, and nothing is claimed: a logger gives up its claim when it has committed it."""
        return self.send('LLEN', LIST) == 0 and not self.send('KEYS', LIST + ':claimed:*')


def uuid(version, high, low):
    """A UUID of that version from 60 and 62 bits."""
    text = '%016x%016x' % ((high >> 12 & (1 << 48) - 1) << 16 | version << 12 | high & 0xfff, 1 << 63 | low & (1 << 62) - 1)
    return '-'.join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def jobs(count, first=0):
    """Log jobs as the bridge writes them, some 560 bytes: 5,000 conversations, ten of them taking turns in each hundred."""
    start = 1763676000_000
    for i in range(first, first + count):
        conversation = (i // 100 * 10 + i % 10) % 5000
        inbound = i // 10 % 2 == 0
        at = start + i
        text = (WORDS * 3)[i % 90:i % 90 + 120]
        yield json.dumps({
            'v': 1, 'kind': 'message', 'id': uuid(7, at << 12 | i & 0xfff, i * 0x9E3779B97F4A7C15),
            'at': time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at // 1000)) + f'.{at % 1000:03}000Z',
            'session': {'id': uuid(5, conversation * 0x9E3779B97F4A7C1, conversation), 'platform': 'slack',
                        'account': 'default', 'conversation': f'C0ABCDE-{conversation:08}', 'user': f'U0{conversation:08}'},
            'direction': 'inbound' if inbound else 'outbound', 'sender': f'U0{conversation:08}', 'type': 'text',
            'text': text, 'attachments': [], 'request': None if inbound else uuid(4, i * 7919, i),
            'status': 'received' if inbound else 'sent',
            'metadata': {'ts': f'{at // 1000}.{at % 1000:06}', 'team': 'T0ABCDEFG', 'client': 'web'},
        }, separators=(',', ':')).encode()


class Database:
    """A psql that stays, so that a question costs a round trip and no process."""

    def __init__(self, url):
        self.url = url
        self.psql = subprocess.Popen(['psql', '-X', '-A', '-t', '-q', '-v', 'ON_ERROR_STOP=1', url],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, statement):
        """The lines of the answer."""
        self.psql.stdin.write(statement.encode() + b";\n\\echo '~'\n")
        self.psql.stdin.flush()
        lines = []
        while True:
            line = self.psql.stdout.readline()
            if not line:
                sys.exit(f'psql ended at: {statement}')
            if line == b'~\n':
                return lines
            lines.append(line.decode().rstrip('\n'))

    def empty(self):
        self.ask('TRUNCATE messages, sessions CASCADE')
        self.ask('CHECKPOINT')

    def loggers(self):
        """The processes that serve loggers."""
        return [int(pid) for pid in self.ask("SELECT pid FROM pg_stat_activity WHERE application_name = 'chatbridge'")]


def cpu(pid):
    """Seconds on a core of all threads of a process that are still there."""
    total = 0
    for task in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{task}/schedstat') as file:
            total += int(file.read().split()[0])
    return total * 1e-9


class Logger:
    """`chatbridge logger` under measurement."""

    def __init__(self, program, **environment):
        self.process = subprocess.Popen([program, 'logger'], env=os.environ | environment)

    def check(self, deadline):
        if self.process.poll() is not None:
            sys.exit(f'the logger ended by itself with {self.process.returncode}')
        if time.monotonic() > deadline:
            sys.exit('the logger does not drain the queue')

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=30)
        if status != 0:
            sys.exit(f'the logger ended with {status}')


def drain(redis, database, program, queue, loggers=1, **environment):
    """Fills the queue, starts loggers, and waits until all is committed; the queue stood before they began.

    Gives rows a second from the first claim to the last commit, and microseconds of CPU a job.
    """
    redis.send('FLUSHALL')
    redis.fill(queue)
    started = [Logger(program, **environment) for _ in range(loggers)]
    try:
        deadline = time.monotonic() + 300
        while redis.send('LLEN', LIST) == len(queue):
            started[0].check(deadline)
            time.sleep(0.001)
        begun = time.monotonic()
        before = sum(cpu(logger.process.pid) for logger in started)
        is_popped = environment.get('LOG_CLAIM') == 'brpop'
        last = json.loads(queue[-1])['id']
        while not redis.is_drained() or is_popped and not database.ask(f"SELECT 1 FROM messages WHERE id = '{last}'"):
            started[0].check(deadline)
            time.sleep(0.002)
        took = time.monotonic() - begun
        logger = sum(cpu(logger.process.pid) for logger in started) - before
        backend = sum(cpu(pid) for pid in database.loggers())
    finally:
        for one in started:
            one.stop()
    stored = int(database.ask('SELECT count(*) FROM messages')[0])
    if stored != len(queue):
        sys.exit(f'{stored} of {len(queue)} jobs are in the table')
    return {'rate': len(queue) / took, 'logger_us': logger / len(queue) * 1e6,
            'backend_us': backend / len(queue) * 1e6}


def copied(database, program, batch):
    """Rows a second by binary COPY of what is in the table."""
    done = subprocess.run([program, database.url, str(batch)], stdout=subprocess.PIPE, check=True)
    return float(done.stdout)
