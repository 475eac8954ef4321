#!/usr/bin/env python3
"""How the bridge's cost grows: with conversations, with answers in flight, with bridges beside it, and with loops.

Called by `scripts/bench --scale`. Prints the tables and, with --publish, puts them into RESULTS.md.
  curves.py --bench PROGRAM --command COMMAND --redis-port N --flag=--port=N … [--only NAME,…]
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

import flight
import results

CONVERSATIONS = (10, 100, 1_000, 10_000, 100_000)
FLIGHTS = (1_000, 5_000, 10_000, 20_000, 50_000)
REPLICAS = (1, 2)
LOOPS = (1, 2)
ON_PAPER = (2, 4, 8, 12, 20)


def say(text):
    print(text, file=sys.stderr)


def run(options, flags, **variables):
    """One run of the harness; its report."""
    subprocess.run(options.before, shell=True, stdout=subprocess.DEVNULL, check=True)
    arguments = [options.bench, '--spawn', options.command, *options.flag, *flags.split()]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300,
                          env=os.environ | variables)
    lines = done.stdout.decode().strip().splitlines()
    if not lines:
        raise RuntimeError(done.stderr.decode().strip()[-2000:])
    report = json.loads(lines[-1])
    if not report['pass']:
        options.failed.append(f"{flags}: missing {report['missing']}, log {report['log_stored']} of {report['log_expected']}")
    return report


def medians(options, flags, **variables):
    """The medians of as many runs as there are rounds."""
    reports = [run(options, flags, **variables) for _ in range(options.rounds)]
    return {key: statistics.median(report[key] for report in reports)
            for key, value in reports[0].items() if isinstance(value, (int, float))}


def table(heads, rows):
    lines = ['| ' + ' | '.join(heads) + ' |', '| ' + ' | '.join(['--:'] * len(heads)) + ' |']
    return '\n'.join(lines + ['| ' + ' | '.join(map(str, row)) + ' |' for row in rows])


def grown(found, count):
    """What the process grew by, for each of so many; nothing where it is smaller than when it had just started."""
    grown = found['bridge_rss_peak_kb'] - found['bridge_rss_ready_kb']
    return f'{grown * 1024 / count:,.0f}' if grown > 0 else '–'


def by_conversations(options):
    """Ten messages always in flight, however many conversations take turns; each has spoken before the measuring."""
    rows = []
    for count in CONVERSATIONS:
        say(f'conversations: {count:,}')
        warmup = 1.5 + count / 4000
        found = medians(options, f'--window 10 --conversations {count} --warmup {warmup} --seconds 3')
        rows.append((f'{count:,}', f"{found['bridge_cpu_us']:.0f}", f"{found['throughput']:,.0f}",
                     f"{found['added_p99_us']:.0f}", f"{found['bridge_rss_peak_kb'] / 1024:.1f}",
                     grown(found, count)))
    return ('### Conversations\n\nTen messages in flight, taken by all conversations in turn.\n\n'
            + table(['conversations', 'CPU µs a message', 'messages/s', 'added p99 µs', 'MB', 'bytes each, at most'], rows))


def by_flight(options):
    """An agent that takes five seconds."""
    rows = []
    for count in FLIGHTS:
        say(f'answers in flight: {count:,}')
        subprocess.run(options.before, shell=True, stdout=subprocess.DEVNULL, check=True)
        found = flight.fly(options.bench, options.command, options.redis_port, count, 5)
        if not found['passed']:
            options.failed.append(f"{count:,} in flight: {found['faults']}")
        rows.append((f'{count:,}', f"{count / 5:,.0f}", found['processes'], f"{found['cpu_us']:.0f}",
                     f"{found['p50_us']:,.0f}", f"{found['p99_us']:,.0f}", f"{found['rss_kb'] / 1024:.0f}",
                     f"{(found['rss_kb'] - found['idle_kb']) / count:.1f}", found['lost']))
    limit = flight.most_in_one_process()
    return ('### Answers in flight\n\nAn agent that takes 5 s, so that the rate grows with the answers. A process here holds at '
            f'most {limit:,} (files and ports); beyond, they are divided among several bridges on the same cores, and memory is '
            'their sum.\n\n'
            + table(['in flight', 'messages/s', 'bridges', 'CPU µs a message', 'added p50 µs', 'p99 µs', 'MB', 'kB each',
                     'lost'], rows))


def by_replicas(options):
    """Bridges beside each other on one Redis, each with the same load; then a reckoning for more of them."""
    rows = []
    for count in REPLICAS:
        say(f'bridges: {count}')
        ports = ','.join(map(str, flight.free_ports(count)))
        found = medians(options, f'--ports {ports} --rate {1000 * count} --idle 1 --warmup 2 --seconds 4')
        full = medians(options, f'--ports {ports} --window {64 * count} --idle 1 --warmup 1.5 --seconds 3')
        rows.append((count, f'{1000 * count:,}', f"{found['bridge_cpu_us']:.0f}",
                     f"{found['redis_cpu_us']:.1f}", f"{found['added_p99_us']:,.0f}",
                     f"{full['throughput']:,.0f}", f"{full['bridge_cpu_us']:.0f}", f"{full['redis_cpu_us']:.1f}"))
    text = ('### Bridges\n\nEach gets 1,000 messages a second, by one Redis; conversations are divided among them. On the right as '
            'many as it goes with 64 in flight each, on the same cores as harness and Redis.\n\n'
            + table(['bridges', 'messages/s', 'CPU µs a message', 'Redis µs a message', 'added p99 µs', 'at most/s',
                     'CPU µs', 'Redis µs'], rows))
    return text + '\n\n' + on_paper(full)


def on_paper(two):
    """What two bridges that are as busy as can be cost, for more of them: Redis' one thread gets the sum of what all ask of it."""
    rate, bridge, redis = two['throughput'] / 2, two['bridge_cpu_us'], two['redis_cpu_us']
    rows = [(count, f'{rate * count:,.0f}', f'{bridge * rate * count / 1e6:.1f}', f'{redis * rate * count / 1e4:.0f} %')
            for count in ON_PAPER]
    return (f'On paper: bridges share nothing but Redis. From two that are as busy as can be ({rate:,.0f}/s each; {bridge:.0f} µs, and '
            f'{redis:.1f} µs of Redis, a message) Redis is full at {1e6 / redis:,.0f} messages a second. A bridge that is alone asks it '
            'for less, and where there is less to do a message costs more, since less is gathered into one call: see the table '
            'above.\n\n' + table(['bridges', 'messages/s', 'cores of bridges', 'Redis busy'], rows))


def by_loops(options):
    """Loops in one process, under little and under full load."""
    rows = []
    for count in LOOPS:
        for load, flags in (('500 a second', '--rate 500 --warmup 2 --seconds 4 --idle 1'),
                            ('64 in flight', '--window 64 --warmup 1.5 --seconds 3'),
                            ('512 in flight', '--window 512 --conversations 4000 --warmup 1.5 --seconds 3')):
            say(f'loops: {count}, {load}')
            found = medians(options, flags, CHATBRIDGE_LOOPS=str(count))
            rows.append((count, load, f"{found['bridge_cpu_us']:.0f}", f"{found['throughput']:,.0f}",
                         f"{found['ack_p50_us']:,.0f}", f"{found['added_p50_us']:,.0f}", f"{found['added_p99_us']:,.0f}",
                         f"{found['bridge_rss_peak_kb'] / 1024:.1f}"))
    return ('### Loops\n\nLoops of one process (`CHATBRIDGE_LOOPS`), on the same cores as harness and Redis.\n\n'
            + table(['loops', 'load', 'CPU µs a message', 'messages/s', 'acknowledged p50 µs', 'added p50 µs', 'added p99 µs',
                     'MB'], rows))


PARTS = {'conversations': by_conversations, 'flight': by_flight, 'replicas': by_replicas, 'loops': by_loops}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--bench', required=True, help='the harness program')
    parser.add_argument('--command', required=True, help='starts it for the harness')
    parser.add_argument('--redis-port', type=int, required=True)
    parser.add_argument('--flag', action='append', default=[], help='a flag for every run of the harness')
    parser.add_argument('--before', default='true', help='a shell command before each run')
    parser.add_argument('--rounds', type=int, default=1)
    parser.add_argument('--only', help='of ' + ', '.join(PARTS))
    parser.add_argument('--publish', action='store_true', help='write the tables into RESULTS.md')
    options = parser.parse_args()
    options.failed = []
    wanted = options.only.split(',') if options.only else list(PARTS)
    for name in wanted:
        if name not in PARTS:
            parser.error(f'no such part: {name} ({", ".join(PARTS)})')
    texts = ['## Scale: the bridge']
    for name in wanted:
        try:
            text = PARTS[name](options)
        except (RuntimeError, subprocess.SubprocessError, ValueError) as problem:
            options.failed.append(f'{name}: {problem}')
            continue
        if text:
            print(text + '\n', flush=True)
            texts.append(text)
    if options.publish and not options.only:
        results.write('curves', {'marks': [], 'text': '\n\n'.join(texts)})
        say('written: Benchmarks/RESULTS.md')
    for line in options.failed:
        print(f'failed: {line}')
    sys.exit(1 if options.failed else 0)


if __name__ == '__main__':
    main()
