#!/usr/bin/env python3
"""Measures how the log scales: 1 to 8 loggers on one queue, and the pages of the API in a table of 1,000 to 10 M messages.

Called by scripts/bench-logger --scale, with a Redis and a Postgres whose tables are made:
  scale.py --redis-port N --database URL --program CHATBRIDGE --out FOLDER [--rows N] [--jobs N] [--rounds N] [--publish]

The queries are those that a list of sessions by their latest activity and a transcript need, by keyset: a page begins where the
one before it ended. Their times are the server's own (EXPLAIN ANALYZE), medians of pages from all over the table.
"""
import argparse
import json
import os
import statistics
import sys

import results
from drain import Database, Redis, drain, jobs

PAGE = 50
# A hundred messages a session, but that each hundredth message belongs to one session that is as long as all grow.
SESSIONS = """
INSERT INTO sessions (id, platform, account, platform_conversation_id, user_id, status, created_at, last_activity)
SELECT {session}, (ARRAY['slack', 'telegram', 'line', 'whatsapp'])[n % 4 + 1], 'default', 'C' || n, 'U' || n, 'active',
       timestamptz '2026-01-01' + n * interval '37 s', timestamptz '2026-01-01' + (n * 7919 % 10000000) * interval '11 s'
FROM generate_series({first}::bigint, {last}::bigint) AS n"""
MESSAGES = """
INSERT INTO messages (id, session_id, direction, sender_id, content_text, content_type, created_at, status, metadata)
SELECT {message}, {owner}, CASE WHEN n % 2 = 0 THEN 'inbound' ELSE 'outbound' END, 'U' || n / 100,
       repeat('the quick brown fox ', 6), 'text', timestamptz '2026-01-01' + n * interval '1 s', 'received',
       '{{"ts": "1763676000.000100", "team": "T0ABCDEFG"}}'
FROM generate_series({first}::bigint, {last}::bigint) AS n"""


def uuid(number):
    """SQL for an id of version 7 that grows with the number."""
    return f"(lpad(to_hex(1763676000000 + {number}), 12, '0') || '70008' || lpad(to_hex({number}), 15, '0'))::uuid"


def owner(number):
    return uuid(f'CASE WHEN {number} % 100 = 0 THEN 0 ELSE {number} / 100 END')


LIST = """SELECT id, platform, user_id, status, last_activity FROM sessions
WHERE (last_activity, id) < ('{at}', '{id}') {more} ORDER BY last_activity DESC, id DESC LIMIT """ + str(PAGE)
TRANSCRIPT = """SELECT id, direction, content_text, created_at, status FROM messages
WHERE session_id = '{session}' AND created_at >= '{at}' AND (created_at, id) > ('{at}', '{id}')
ORDER BY created_at, id LIMIT """ + str(PAGE)


class Scale:
    def __init__(self, options):
        self.options = options
        self.database = Database(options.database)
        self.redis = Redis(options.redis_port)
        self.log = open(os.path.join(options.out, 'scale.jsonl'), 'a')

    def note(self, **figures):
        self.log.write(json.dumps(figures) + '\n')
        self.log.flush()
        print('  ' + ', '.join(f'{k} {v:,.2f}' if isinstance(v, float) else f'{k} {v}' for k, v in figures.items()),
              file=sys.stderr)
        return figures

    def loggers(self):
        """Rows a second and CPU a job of several loggers that share a queue."""
        queue = list(jobs(self.options.jobs))
        found = {}
        for _ in range(self.options.rounds):
            for count in (1, 2, 4, 8):
                self.database.empty()
                run = drain(self.redis, self.database, self.options.program, queue, loggers=count)
                found.setdefault(count, []).append(self.note(loggers=count, **run))
        rows = ['| loggers | rows a second | CPU a job: loggers | backends |', '| --- | --- | --- | --- |']
        for count, runs in found.items():
            median = lambda key: statistics.median(run[key] for run in runs)
            rows.append(f"| {count} | {median('rate'):,.0f} | {median('logger_us'):.1f} µs | {median('backend_us'):.1f} µs |")
        return rows

    def plan(self, statement):
        """Milliseconds, the pages of the table or an index that were read, and whether all of it went by an index."""
        lines = self.database.ask(f'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}')
        plan = json.loads('\n'.join(lines))[0]
        kinds = []

        def walk(node):
            kinds.append(node['Node Type'])
            for child in node.get('Plans', []):
                walk(child)
        walk(plan['Plan'])
        read = plan['Plan']['Shared Hit Blocks'] + plan['Plan']['Shared Read Blocks']
        return plan['Execution Time'], read, 'Seq Scan' not in kinds and any('Index' in kind for kind in kinds)

    def pages(self, name, statement, starts):
        """A query from many places; the first time warms the cache, as an API in use does."""
        asked = [statement.format(**start) for start in starts]
        for one in asked:
            self.database.ask(one)
        plans = [self.plan(one) for one in asked]
        return self.note(query=name, ms=statistics.median(plan[0] for plan in plans),
                         blocks=statistics.median(plan[1] for plan in plans), by_index=all(plan[2] for plan in plans))

    def table(self):
        self.database.empty()
        sizes = [size for size in (1_000, 10_000, 100_000, 1_000_000, 10_000_000) if size <= self.options.rows]
        queries = ('sessions', 'sessions of a platform', 'transcript', 'transcript of the longest')
        rows = ['| messages | ' + ' | '.join(queries) + ' |', '| --- |' + ' --- |' * len(queries)]
        had = 0
        for size in sizes:
            self.database.ask(SESSIONS.format(session=uuid('n'), first=had // 100, last=size // 100 - 1))
            self.database.ask(MESSAGES.format(message=uuid('n'), owner=owner('n'), first=had, last=size - 1))
            self.database.ask('VACUUM ANALYZE')
            had = size
            found = self.measure(size)
            rows.append(f'| {size:,} | ' + ' | '.join(
                f"{one['ms']:.2f} ms, {one['blocks']:.0f} blocks{'' if one['by_index'] else ', no index'}" for one in found)
                + ' |')
            print(rows[-1])
            sys.stdout.flush()
        return rows

    def measure(self, size):
        self.note(messages=size)
        spread = lambda statement: [line.split('|') for line in self.database.ask(statement)]
        sessions = [{'at': at, 'id': id, 'more': ''} for at, id in spread(
            'SELECT last_activity, id FROM sessions ORDER BY hashtext(id::text) LIMIT 20')]
        first = {'at': 'infinity', 'id': 'f' * 32, 'more': ''}
        within = spread(f"SELECT session_id, created_at, id FROM messages WHERE id >= {uuid(size // 3)} ORDER BY id LIMIT 20")
        longest = self.database.ask('SELECT ' + uuid('0'))[0]
        inside = spread(f"SELECT session_id, created_at, id FROM messages WHERE session_id = '{longest}' "
                        'ORDER BY hashtext(id::text) LIMIT 20')
        start = lambda rows: [{'session': session, 'at': at, 'id': id} for session, at, id in rows]
        return [self.pages('sessions', LIST, [first] + sessions),
                self.pages('sessions of a platform', LIST,
                           [one | {'more': "AND platform = 'line'"} for one in [first] + sessions]),
                self.pages('transcript', TRANSCRIPT, start(within)),
                self.pages('transcript of the longest', TRANSCRIPT, start(inside))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--redis-port', type=int, required=True)
    parser.add_argument('--database', required=True)
    parser.add_argument('--program', required=True, help='chatbridge')
    parser.add_argument('--copy', help='not used here')
    parser.add_argument('--out', required=True, help='the folder of the reports')
    parser.add_argument('--rows', type=int, default=10_000_000)
    parser.add_argument('--jobs', type=int, default=100_000)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--publish', action='store_true', help='write the tables into RESULTS.md')
    options = parser.parse_args()
    scale = Scale(options)
    loggers = scale.loggers()
    print('\n'.join(loggers))
    table = scale.table()
    scale.database.empty()
    text = '\n'.join(['## The log at scale', '', f'{options.jobs:,} jobs drained by several loggers on one queue:', '',
                      *loggers, '', f'A page of {PAGE} in a table of so many messages, a hundred of them a session and each '
                      'hundredth in one that is as long as all grow; time within Postgres, and blocks of 8 KiB it looked at:',
                      '', *table])
    with open(os.path.join(options.out, 'scale.md'), 'w') as file:
        file.write(text + '\n')
    if options.publish:
        results.write('log-scale', {'text': text})


if __name__ == '__main__':
    main()
