#!/usr/bin/env python3
"""Measures `chatbridge import` beside binary COPY of the very rows that it wrote, in the same minute.

Called by scripts/bench-import, which starts Postgres and makes the tables:
  importing.py --database URL --program CHATBRIDGE --out FOLDER [--messages N] [--rounds N] [--kind NAME]...

A round imports the store into empty tables (the import's own time: without the comparison that follows), takes the rows out
with `COPY … TO` and puts them back with one `COPY messages FROM STDIN (FORMAT binary)`, indexes and foreign key in place both
times. Figures are medians, the ratio is the median of the rounds' ratios. Fails when a row is missing, never for speed.
"""
import argparse
import os
import sqlite3
import statistics
import subprocess
import sys
import time

from drain import Database

SESSIONS = 5000
NUMBERS = 'WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {})'
WORDS = "substr('the quick brown fox jumps over the lazy dog while agents answer messages from people on slack ', i % 60 + 1) || i || ' and so on it goes from one sentence to the next'"
ISO = "strftime('%Y-%m-%dT%H:%M:%S', 1767225600 + i, 'unixepoch')"


def chatbridge(messages):
    """ChatBridge's own store."""
    return f'''
        CREATE TABLE sessions (id TEXT PRIMARY KEY NOT NULL, platform TEXT NOT NULL, account TEXT NOT NULL,
            platform_conversation_id TEXT NOT NULL, user_id TEXT, status TEXT NOT NULL, created_at TEXT NOT NULL,
            last_activity TEXT NOT NULL, metadata TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE messages (id TEXT PRIMARY KEY NOT NULL, session_id TEXT NOT NULL, direction TEXT NOT NULL,
            sender_id TEXT, content_text TEXT, content_type TEXT NOT NULL, attachments TEXT NOT NULL, created_at TEXT NOT NULL,
            mastra_request_id TEXT, status TEXT NOT NULL, metadata TEXT NOT NULL);
        CREATE INDEX messages_session_created ON messages (session_id, created_at);
        PRAGMA user_version = 2;
        INSERT INTO sessions {NUMBERS.format(SESSIONS)}
            SELECT printf('01990000-0000-7000-8000-%012x', i), 'slack', 'default', 'C0ABCDE-' || i, 'U0' || i, 'active',
                   '2026-01-01T00:00:00.000000Z', '2030-01-01T00:00:00.000000Z', '{{}}' FROM n;
        INSERT INTO messages {NUMBERS.format(messages)}
            SELECT printf('%08x-%04x-7000-8000-%012x', 26804224 + i / 65536, i % 65536, i),
                   printf('01990000-0000-7000-8000-%012x', i % {SESSIONS}),
                   CASE i / {SESSIONS} % 2 WHEN 0 THEN 'inbound' ELSE 'outbound' END, 'U0' || (i % {SESSIONS}), {WORDS}, 'text', '[]',
                   {ISO} || '.000000Z', CASE i / {SESSIONS} % 2 WHEN 0 THEN NULL ELSE 'run-' || i END,
                   CASE i / {SESSIONS} % 2 WHEN 0 THEN 'received' ELSE 'sent' END,
                   '{{"ts":"1767225600.' || i || '","team":"T0ABCDEFG","client":"web"}}' FROM n;'''


def mastra(messages):
    """Mastra's storage, messages of the second version."""
    return f'''
        CREATE TABLE mastra_threads (id TEXT PRIMARY KEY, resourceId TEXT, title TEXT, metadata TEXT, createdAt TEXT, updatedAt TEXT);
        CREATE TABLE mastra_resources (id TEXT PRIMARY KEY, workingMemory TEXT, metadata TEXT, createdAt TEXT, updatedAt TEXT);
        CREATE TABLE mastra_messages (id TEXT PRIMARY KEY, thread_id TEXT, content TEXT, role TEXT, type TEXT, createdAt TEXT, resourceId TEXT);
        INSERT INTO mastra_threads {NUMBERS.format(SESSIONS)}
            SELECT 'thread-' || i, 'U0' || i, 'A conversation',
                   '{{"channel_platform":"slack","channel_externalThreadId":"slack:C' || i || ':1700000000.1"}}',
                   '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z' FROM n;
        INSERT INTO mastra_messages {NUMBERS.format(messages)}
            SELECT printf('%08x-%04x-4000-8000-%012x', i * 2654435761 & 4294967295, i % 65536, i), 'thread-' || (i % {SESSIONS}),
                   '{{"format":2,"parts":[{{"type":"text","text":"' || {WORDS} || '"}}],"content":"' || {WORDS} || '"}}',
                   CASE i / {SESSIONS} % 2 WHEN 0 THEN 'user' ELSE 'assistant' END, 'v2', {ISO} || '.000Z', 'U0' || (i % {SESSIONS}) FROM n;'''


KINDS = {'chatbridge': chatbridge, 'mastra': mastra}


def timed(command, **environment):
    """Seconds and the most memory in MB of a program that must succeed."""
    start = time.monotonic()
    process = subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f'{" ".join(command)} failed:\n{output.decode()}')
    return time.monotonic() - start, usage.ru_maxrss / 1024


def measure(kind, options, database):
    path = os.path.join(options.out, f'import-{kind}.db')
    for name in (path, path + '-wal', path + '-shm'):
        if os.path.exists(name):
            os.remove(name)
    source = sqlite3.connect(path)
    source.executescript('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;' + KINDS[kind](options.messages))
    source.close()
    rows = os.path.join(options.out, 'import-rows.bin')
    runs = []
    for number in range(options.rounds):
        database.empty()
        seconds, memory = timed([options.program, 'import', path, '--no-validation'])
        if int(database.ask('SELECT count(*) FROM messages')[0]) != options.messages:
            sys.exit('messages are missing')
        copy = ['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', options.database, '-c']
        timed(copy + [rf"\copy messages to '{rows}' (format binary)"])
        database.ask('TRUNCATE messages')
        database.ask('CHECKPOINT')
        limit, _ = timed(copy + [rf"\copy messages from '{rows}' (format binary)"])
        runs.append((seconds, limit, memory))
        print(f'  {kind}, round {number + 1}: import {seconds:.1f} s, COPY {limit:.1f} s, ratio {limit / seconds:.2f}, '
              f'peak memory {memory:.0f} MB', file=sys.stderr)
    again, memory_again = timed([options.program, 'import', path, '--no-validation'])
    compare, memory_compare = timed([options.program, 'import', path, '--validate'])
    ratio = statistics.median(limit / seconds for seconds, limit, _ in runs)
    rate = statistics.median(options.messages / seconds for seconds, _, _ in runs)
    memory = max(run[2] for run in runs + [(0, 0, memory_again), (0, 0, memory_compare)])
    print(f"{'met' if ratio >= 0.6 else 'MISSED':7} {kind}: {rate:,.0f} messages/s: {ratio:.2f} × binary COPY of the same rows "
          f'(mark: ≥ 0.6)')
    print(f"{'met' if memory <= 100 else 'MISSED':7} {kind}: {options.messages:,} messages in {memory:.0f} MB (mark: ≤ 100)")
    print(f'        {kind}: a second run {options.messages / again:,.0f} messages/s, the comparison '
          f'{options.messages / compare:,.0f} messages/s')
    os.remove(path)
    os.remove(rows)


parser = argparse.ArgumentParser()
parser.add_argument('--database', required=True)
parser.add_argument('--program', required=True)
parser.add_argument('--out', required=True)
parser.add_argument('--messages', type=int, default=1_000_000)
parser.add_argument('--rounds', type=int, default=3)
parser.add_argument('--kind', action='append', choices=list(KINDS))
options = parser.parse_args()
for kind in options.kind or list(KINDS):
    measure(kind, options, Database(options.database))
