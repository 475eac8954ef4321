#!/usr/bin/env python3
"""Measures the logger against every mark that it is held to, beside what Postgres itself can take in the same minute.

Called by scripts/bench-logger, which starts Redis and Postgres and makes the tables:
  logger.py --redis-port N --database URL --program CHATBRIDGE --copy PROGRAM --out FOLDER
            [--rounds N] [--jobs N] [--only NAME,NAME] [--publish]

Rounds are interleaved, figures are medians, ratios are medians of the rounds' ratios. Fails when a job is lost or doubled,
or when a logger does not end cleanly; never for speed.
"""
import argparse
import json
import os
import random
import statistics
import sys
import time

import results
from drain import LIST, Database, Logger, Redis, copied, drain, jobs

FLUSH_MS = 50


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


class Bench:
    def __init__(self, options):
        self.options = options
        self.redis = Redis(options.redis_port)
        self.database = Database(options.database)
        self.queue = list(jobs(options.jobs))
        self.log = open(os.path.join(options.out, 'logger.jsonl'), 'a')
        self.marks = []

    def note(self, **figures):
        """A line for who reads along and one for machines."""
        self.log.write(json.dumps({'at': round(time.time()), **figures}) + '\n')
        self.log.flush()
        shown = (f'{k} {v:,.2f}' if isinstance(v, float) and v < 1000 else f'{k} {v:,.0f}'
                 if isinstance(v, float) else f'{k} {v}' for k, v in figures.items())
        print('  ' + ', '.join(shown), file=sys.stderr)
        return figures

    def mark(self, what, mark, measured, met):
        self.marks.append({'order': 15 + len(self.marks), 'what': what, 'mark': mark, 'measured': measured, 'met': met})
        print(f"{'met' if met else 'MISSED':7} {what}: {measured} (mark: {mark})")
        sys.stdout.flush()

    def drain(self, name, queue, fresh=True, **environment):
        if fresh:
            self.database.empty()
        found = drain(self.redis, self.database, self.options.program, queue, **environment)
        return self.note(name=name, **found)

    def copy(self, name, batch):
        return self.note(name=name, rate=copied(self.database, self.options.copy, batch))

    # The measurements, in the order of the table.

    def fresh(self):
        """The drain at the usual batch, the same jobs again, and COPY of the rows."""
        fresh, again, limit = [], [], []
        for _ in range(self.options.rounds):
            fresh.append(self.drain('fresh, B=500', self.queue, LOG_BATCH='500'))
            again.append(self.drain('again, B=500', self.queue, fresh=False, LOG_BATCH='500'))
            limit.append(self.copy('COPY by 500', 500))
        median = lambda runs, key: statistics.median(run[key] for run in runs)
        ratio = statistics.median(a['rate'] / b['rate'] for a, b in zip(fresh, limit))
        self.mark('logger drain, batches of 500', '≥ 0.75 × COPY (stretch 0.85)',
                  f"{median(fresh, 'rate'):,.0f} rows/s: {ratio:.2f} × COPY by 500", ratio >= 0.75)
        share = statistics.median(run['logger_us'] / run['backend_us'] for run in fresh)
        self.mark('logger CPU a job', '≤ 0.25 × the Postgres backend',
                  f"{median(fresh, 'logger_us'):.2f} µs: {share:.2f} × the backend's {median(fresh, 'backend_us'):.1f} µs",
                  share <= 0.25)
        ratio = statistics.median(a['rate'] / b['rate'] for a, b in zip(again, fresh))
        self.mark('replay of a backlog that is there already', '≥ 0.9 × the fresh rate',
                  f"{median(again, 'rate'):,.0f} jobs/s: {ratio:.2f} × fresh", ratio >= 0.9)

    def small(self):
        ratios, rates = [], []
        queue = self.queue[:self.options.jobs * 6 // 10]
        for _ in range(self.options.rounds):
            rates.append(self.drain('fresh, B=100', queue, LOG_BATCH='100')['rate'])
            ratios.append(rates[-1] / self.copy('COPY by 100', 100)['rate'])
        ratio = statistics.median(ratios)
        self.mark('logger drain, batches of 100', '≥ 0.65 × COPY',
                  f'{statistics.median(rates):,.0f} rows/s: {ratio:.2f} × COPY by 100', ratio >= 0.65)

    def claim(self):
        ratios, rates = [], []
        # Two programs of ours beside each other, a few hundredths apart: it takes more rounds to tell.
        for turn in range(3 * self.options.rounds):
            found = {}
            # The second and every other time the other goes first, so that neither always finds the warmer caches.
            for name in ['reliable', 'brpop'][::-1 if turn % 2 else 1]:
                found[name] = self.drain(f'claim {name}', self.queue, LOG_CLAIM=name)['rate']
            rates.append(found['reliable'])
            ratios.append(found['reliable'] / found['brpop'])
        ratio = statistics.median(ratios)
        self.mark('safe claim', '≥ 0.9 × plain RPOP', f'{statistics.median(rates):,.0f} rows/s: {ratio:.2f} × RPOP',
                  ratio >= 0.9)

    def low(self):
        """One job at a time, far apart: from its LPUSH to when others can read its row."""
        # A millisecond is the least that it lingers.
        alone = [ms - 1 for ms in self.latency('1')]
        flushed = self.latency(str(FLUSH_MS))
        path, found = statistics.median(alone), statistics.median(flushed)
        self.note(name='LPUSH to committed', one_row_ms=path, flushed_ms=found, flushed_p99_ms=percentile(flushed, 0.99))
        self.mark('LPUSH → committed at low load, p50', 'LOG_FLUSH_MS + 2 × the one-row path',
                  f'{found:.1f} ms with LOG_FLUSH_MS={FLUSH_MS}; one row without it {path:.1f} ms',
                  found <= FLUSH_MS + 2 * path)

    def latency(self, flush, count=40):
        self.database.empty()
        self.redis.send('FLUSHALL')
        logger = Logger(self.options.program, LOG_FLUSH_MS=flush)
        found = []
        try:
            for number, job in enumerate(self.queue[:count + 5]):
                time.sleep(0.08 + random.random() * 0.04)
                question = f"SELECT 1 FROM messages WHERE id = '{json.loads(job)['id']}'"
                begun = time.monotonic()
                self.redis.send('LPUSH', LIST, job)
                while not self.database.ask(question):
                    logger.check(begun + 10)
                    time.sleep(0.0001)
                # The first ones meet a logger that is still starting.
                if number >= 5:
                    found.append((time.monotonic() - begun) * 1000)
        finally:
            logger.stop()
        return found

    def push(self):
        """What a producer that pushes two jobs 500 times a second waits for, alone and while a logger drains."""
        self.redis.send('FLUSHALL')
        self.database.empty()
        idle = self.pushes(lambda: False, 4)
        self.redis.send('FLUSHALL')
        self.redis.fill(self.queue * 2)
        logger = Logger(self.options.program)
        try:
            while self.redis.send('LLEN', LIST) == 2 * len(self.queue):
                time.sleep(0.001)
            busy = self.pushes(lambda: self.redis.send('LLEN', LIST) < 20_000, 20)
        finally:
            logger.stop()
        quiet, loud = percentile(idle, 0.99) * 1e6, percentile(busy, 0.99) * 1e6
        self.note(name='push of two jobs', idle_p50_us=statistics.median(idle) * 1e6, idle_p99_us=quiet,
                  draining_p50_us=statistics.median(busy) * 1e6, draining_p99_us=loud, pushes=len(busy))
        self.mark("producer's push p99 while a logger drains", '≤ 10 × its idle p99',
                  f'{loud:,.0f} µs: {loud / quiet:.1f} × {quiet:,.0f} µs', loud <= 10 * quiet)

    def pushes(self, is_over, seconds):
        producer, found = Redis(self.options.redis_port), []
        fresh = jobs(100_000, first=10_000_000)
        begun = due = time.perf_counter()
        while due - begun < seconds and not (len(found) % 50 == 49 and is_over()):
            due += 0.002
            pair = next(fresh), next(fresh)
            time.sleep(max(0, due - time.perf_counter()))
            start = time.perf_counter()
            producer.send('LPUSH', LIST, *pair)
            found.append(time.perf_counter() - start)
        return found

    def slow(self):
        """With a commit that takes two milliseconds longer, as on a disk that does."""
        for setting in ('commit_delay = 2000', 'commit_siblings = 0'):
            self.database.ask(f'ALTER SYSTEM SET {setting}')
        self.database.ask('SELECT pg_reload_conf()')
        ratios, rates = [], []
        for _ in range(self.options.rounds):
            rates.append(self.drain('fresh, slow commit', self.queue, LOG_BATCH='500')['rate'])
            ratios.append(rates[-1] / self.copy('COPY by 2,000, slow commit', 2000)['rate'])
        for setting in ('commit_delay', 'commit_siblings'):
            self.database.ask(f'ALTER SYSTEM RESET {setting}')
        self.database.ask('SELECT pg_reload_conf()')
        ratio = statistics.median(ratios)
        self.mark('drain with a commit 2 ms slower', '≥ 0.75 × COPY by 2,000, as slow',
                  f'{statistics.median(rates):,.0f} rows/s: {ratio:.2f} × COPY by 2,000', ratio >= 0.75)


PARTS = ['fresh', 'small', 'claim', 'low', 'push', 'slow']


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--redis-port', type=int, required=True)
    parser.add_argument('--database', required=True)
    parser.add_argument('--program', required=True, help='chatbridge')
    parser.add_argument('--copy', required=True, help='the program of limits/copy.c')
    parser.add_argument('--out', required=True, help='the folder of the reports')
    parser.add_argument('--jobs', type=int, default=100_000)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--only', default=','.join(PARTS), help=f"some of {', '.join(PARTS)}")
    parser.add_argument('--publish', action='store_true', help='write the marks into RESULTS.md')
    options = parser.parse_args()
    parts = options.only.split(',')
    if unknown := set(parts) - set(PARTS):
        sys.exit(f"no such measurement: {', '.join(unknown)} (there are {', '.join(PARTS)})")
    bench = Bench(options)
    size = sum(map(len, bench.queue)) // len(bench.queue)
    print(f'{len(bench.queue):,} jobs of {size} bytes, {options.rounds} rounds', file=sys.stderr)
    for part in PARTS:
        if part in parts:
            getattr(bench, part)()
    piece = {'marks': bench.marks, 'text': TEXT.format(jobs=len(bench.queue), size=size, rounds=options.rounds)}
    with open(os.path.join(options.out, 'logger.json'), 'w') as file:
        json.dump(piece, file, indent=1, ensure_ascii=False)
    if options.publish:
        results.write('logger', piece)


TEXT = """## The logger

{jobs:,} jobs of {size} bytes, {rounds} interleaved rounds; crash-safe claim, idempotent, foreign key on, fsync and
`synchronous_commit` on, everything on the same cores. COPY is one connection that copies the same rows with the sessions of each
batch brought up to date in the same transaction. The batch is `LOG_BATCH` to begin with and grows to 2,000 while a backlog
stands, and two of them are written at a time."""


if __name__ == '__main__':
    main()
