#!/usr/bin/env python3
"""Measures how fast a logger drains a full queue, beside what binary COPY of the same rows reaches in the same minute.

Called by scripts/bench-logger, which starts Redis and Postgres and makes the tables:
  drain.py --redis-port N --database URL --logger COMMAND --copy PROGRAM [--jobs N] [--rounds N] [--batch N]
           [--against COMMAND]

Fails when a job is lost or doubled, or when the logger does not end cleanly. The speed is printed, not judged.
"""
import argparse
import json
import signal
import socket
import statistics
import subprocess
import sys
import time

WORDS = 'the quick brown fox jumps over the lazy dog while agents answer messages from people on slack '


class Redis:
    """As much of the protocol as is needed here."""

    def __init__(self, port):
        self.socket = socket.create_connection(('127.0.0.1', port))
        self.reader = self.socket.makefile('rb')

    def send(self, *arguments):
        parts = [a if isinstance(a, bytes) else str(a).encode() for a in arguments]
        self.socket.sendall(b'*%d\r\n' % len(parts) + b''.join(b'$%d\r\n%s\r\n' % (len(p), p) for p in parts))
        line = self.reader.readline()
        if line[:1] == b'-':
            raise RuntimeError(line.decode())
        return int(line[1:]) if line[:1] == b':' else line


def uuid(version, high, low):
    """A UUID of that version from 60 and 62 bits."""
    text = '%016x%016x' % ((high >> 12 & (1 << 48) - 1) << 16 | version << 12 | high & 0xfff, 1 << 63 | low & (1 << 62) - 1)
    return '-'.join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def jobs(count):
    """Log jobs as the bridge writes them, some 560 bytes: 5,000 conversations, ten of them taking turns in each hundred."""
    start = 1763676000_000
    for i in range(count):
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


def psql(database, statement):
    done = subprocess.run(['psql', '-X', '-A', '-t', '-q', '-v', 'ON_ERROR_STOP=1', '-c', statement, database],
                          stdout=subprocess.PIPE, check=True)
    return done.stdout.decode().strip()


def drain(options, redis, queue, command):
    """Fills the queue, starts a logger, and returns the rows a second from its first claim to its last commit."""
    psql(options.database, 'TRUNCATE messages, sessions CASCADE')
    redis.send('FLUSHALL')
    for i in range(0, len(queue), 1000):
        redis.send('LPUSH', options.list, *queue[i:i + 1000])
    logger = subprocess.Popen(['/bin/sh', '-c', 'exec ' + command])
    try:
        deadline = time.monotonic() + 300
        while redis.send('LLEN', options.list) == len(queue):
            wait(logger, deadline, 0.001)
        begun = time.monotonic()
        while redis.send('LLEN', options.list) > 0:
            wait(logger, deadline, 0.005)
        # The last batches are in hand. Counting a large table takes a while itself: look for the last job instead.
        last, deadline = json.loads(queue[-1])['id'], time.monotonic() + 30
        while psql(options.database, f"SELECT count(*) FROM messages WHERE id = '{last}'") != '1':
            wait(logger, deadline, 0.005)
        took = time.monotonic() - begun
    finally:
        logger.send_signal(signal.SIGTERM)
        status = logger.wait(timeout=30)
    stored = int(psql(options.database, 'SELECT count(*) FROM messages'))
    if stored != len(queue) or status != 0:
        sys.exit(f'drain: {stored} of {len(queue)} jobs are in the table, the logger ended with {status}')
    return len(queue) / took


def wait(logger, deadline, pause):
    if logger.poll() is not None:
        sys.exit(f'drain: the logger ended by itself with {logger.returncode}')
    if time.monotonic() > deadline:
        sys.exit('drain: the logger does not drain the queue')
    time.sleep(pause)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--redis-port', type=int, required=True)
    parser.add_argument('--database', required=True)
    parser.add_argument('--logger', required=True, help='the command that starts a logger')
    parser.add_argument('--against', help='another such command, measured in its place instead of the COPY')
    parser.add_argument('--copy', required=True, help='the program of limits/copy.c')
    parser.add_argument('--list', default='chatbridge:log')
    parser.add_argument('--jobs', type=int, default=100_000)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--batch', type=int, default=500, help='rows in a transaction of the COPY')
    options = parser.parse_args()
    redis, queue = Redis(options.redis_port), list(jobs(options.jobs))
    print(f'{len(queue)} jobs of {sum(map(len, queue)) // len(queue)} bytes', file=sys.stderr)
    drained, copied, other = [], [], []
    for turn in range(options.rounds):
        # The second and every other time the other goes first, so that neither always finds the warmer caches.
        for command in [options.logger, options.against][::-1 if turn % 2 else 1]:
            if command:
                (drained if command == options.logger else other).append(drain(options, redis, queue, command))
        if options.against:
            print(f'round {turn + 1}: {drained[-1]:.0f}/s and {other[-1]:.0f}/s', file=sys.stderr)
            continue
        done = subprocess.run([options.copy, options.database, str(options.batch)], stdout=subprocess.PIPE, check=True)
        copied.append(float(done.stdout))
        print(f'round {turn + 1}: logger {drained[-1]:.0f}/s, COPY {copied[-1]:.0f}/s', file=sys.stderr)
    if options.against:
        ratio = statistics.median(a / b for a, b in zip(drained, other))
        print(f'{options.logger}: {statistics.median(drained):.0f} rows/s; {options.against}: '
              f'{statistics.median(other):.0f} rows/s; ratio {ratio:.2f}, the median of {options.rounds} rounds')
        return
    ratio = statistics.median(a / b for a, b in zip(drained, copied))
    print(f'logger {statistics.median(drained):.0f} rows/s, binary COPY by {options.batch} '
          f'{statistics.median(copied):.0f} rows/s: ratio {ratio:.2f}')


if __name__ == '__main__':
    main()
