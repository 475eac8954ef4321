#!/usr/bin/env python3
"""Measures bridges with the harness: interleaved rounds, medians, one table line for each scenario and bridge.

Called by scripts/bench, which builds the programs and starts the Redis. On its own:
  measure.py --bench PROGRAM --flag=--redis-port=16379 --bridge chatbridge=COMMAND --bridge floor=COMMAND [SCENARIO]...

Fails when a check of the harness fails for any bridge: a message lost, doubled, out of order or altered, a log job that
is missing, a forged webhook that is handled. Speed never fails a run; the table is for reading.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

# W: messages kept in flight. The stopped scenarios stop Redis for six seconds in the middle.
SCENARIOS = {
    'open': '--rate 500 --warmup 3 --seconds 5 --idle 1',
    'w64': '--window 64 --warmup 1.5 --seconds 3',
    'w512': '--window 512 --conversations 4000 --warmup 1.5 --seconds 3',
    'think': '--rate 1000 --delay 1000 --conversations 5000 --warmup 2 --seconds 8',
    'stopped': '--rate 500 --warmup 2 --seconds 8 --redis-stop 1 --redis-cont 7 --redis-wait 8',
    'stopped64': '--window 64 --warmup 1.5 --seconds 8 --redis-stop 1 --redis-cont 7 --redis-wait 8',
    'cold': '--rate 100 --warmup 0 --seconds 0.1 --idle 1',
}

# Heading, width, what to print of the median. Microseconds, megabytes and milliseconds.
COLUMNS = [
    ('msg/s', 7, lambda m: f"{m('throughput'):.0f}"),
    ('CPU µs', 7, lambda m: f"{m('bridge_cpu_us'):.1f}"),
    ('ack p50', 8, lambda m: f"{m('ack_p50_us'):.0f}"),
    ('p99', 7, lambda m: f"{m('ack_p99_us'):.0f}"),
    ('added p50', 10, lambda m: f"{m('added_p50_us'):.0f}"),
    ('p99', 8, lambda m: f"{m('added_p99_us'):.0f}"),
    ('p99.9', 8, lambda m: f"{m('added_p999_us'):.0f}"),
    ('MB idle', 8, lambda m: f"{m('bridge_rss_ready_kb') / 1024:.1f}"),
    ('peak', 6, lambda m: f"{m('bridge_rss_peak_kb') / 1024:.1f}"),
    ('threads', 8, lambda m: f"{m('bridge_threads'):.0f}"),
    ('logs lost', 10, lambda m: f"{m('log_expected') - m('log_stored'):.0f}"),
    ('start ms', 9, lambda m: f"{m('cold_200_ms'):.1f}"),
    ('others %', 9, lambda m: f"{max(0, m('other_cpu_pct')):.0f}"),
]


def run(options, name, command, scenario):
    """One run of one bridge; the harness' report."""
    if options.before:
        subprocess.run(options.before, shell=True, stdout=subprocess.DEVNULL, check=True)
    arguments = [options.bench, '--label', name, '--spawn', command, *options.flag, *SCENARIOS[scenario].split()]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
    lines = done.stdout.decode().strip().splitlines()
    if not lines:
        raise RuntimeError(done.stderr.decode().strip()[-2000:] or f'the harness ended with {done.returncode}')
    return json.loads(lines[-1]) | {'scenario': scenario, 'load1': os.getloadavg()[0]}


def faults_of(report):
    """The counters that are not as they must be, for people."""
    zero = ['missing', 'unacked', 'duplicates', 'agent_duplicates', 'out_of_order', 'overlaps', 'wrong_chat',
            'content_errors', 'http_errors', 'unknown', 'forged_handled']
    found = [f'{key}={report[key]}' for key in zero if report[key]]
    if report['log_stored'] != report['log_expected']:
        found.append(f"log jobs {report['log_stored']} of {report['log_expected']}")
    found.append(f"a wrong secret gets {report['wrong_secret_status']}")
    return ', '.join(found)


def table(reports, names, scenarios):
    """The medians; a second line for each further bridge shows the ratio of CPU to the last one named."""
    print(f"\n{'scenario':10} {'bridge':12} {'pass':>5}" + ''.join(f'{head:>{width}}' for head, width, _ in COLUMNS))
    for scenario in scenarios:
        of = {name: [r for r in reports if r['scenario'] == scenario and r['label'] == name] for name in names}
        for name in names:
            rows = of[name]
            if not rows:
                continue
            median = lambda key: statistics.median(r[key] for r in rows)
            base = of[names[-1]]
            ratio = ''
            if name != names[-1] and base and scenario != 'cold':
                floor = statistics.median(r['bridge_cpu_us'] for r in base)
                if floor > 0:
                    later = {key: median(key) - statistics.median(r[key] for r in base)
                             for key in ('ack_p50_us', 'added_p50_us')}
                    ratio = (f"   of {names[-1]}: CPU × {median('bridge_cpu_us') / floor:.2f}, "
                             f"ack {later['ack_p50_us']:+.0f} µs, added {later['added_p50_us']:+.0f} µs")
            print(f"{scenario:10} {name:12} {sum(r['pass'] for r in rows)}/{len(rows):<3}"
                  + ''.join(f'{show(median):>{width}}' for _, width, show in COLUMNS) + ratio)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--bench', required=True, help='the harness program')
    parser.add_argument('--flag', action='append', default=[], help='a flag for every run of the harness')
    parser.add_argument('--bridge', action='append', required=True, metavar='NAME=COMMAND')
    parser.add_argument('--before', help='a shell command before each run')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--out', help='append each report to this file, one JSON object a line')
    parser.add_argument('scenarios', nargs='*', metavar='SCENARIO', help=', '.join(SCENARIOS))
    options = parser.parse_args()
    scenarios = options.scenarios or list(SCENARIOS)
    for scenario in scenarios:
        if scenario not in SCENARIOS:
            parser.error(f'no such scenario: {scenario} ({", ".join(SCENARIOS)})')
    bridges = dict(bridge.split('=', 1) for bridge in options.bridge)
    reports, failed = [], []
    for turn in range(options.rounds):
        for scenario in scenarios:
            for name, command in bridges.items():
                try:
                    report = run(options, name, command, scenario)
                except (RuntimeError, subprocess.SubprocessError) as problem:
                    failed.append(f'{scenario} {name}: {problem}')
                    continue
                reports.append(report)
                if options.out:
                    with open(options.out, 'a') as file:
                        file.write(json.dumps(report) + '\n')
                # The floor marks what the work costs; it keeps 64 MB of log jobs and lets the rest go.
                if not report['pass'] and name != 'floor':
                    failed.append(f'{scenario} {name}: {faults_of(report)}')
                print(f"round {turn + 1}: {scenario} {name} {'passed' if report['pass'] else 'FAILED'}", file=sys.stderr)
    table(reports, list(bridges), scenarios)
    print()
    for line in failed:
        print(f'failed: {line}')
    runs = options.rounds * len(scenarios) * len(bridges)
    print(f'bench: {runs - len(failed)} passed, {len(failed)} failed')
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
