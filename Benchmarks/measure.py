#!/usr/bin/env python3
"""Measures bridges with the harness: interleaved rounds, medians, one table line for each scenario and bridge.

Called by scripts/bench, which builds the programs and starts the Redis. On its own:
  measure.py --bench PROGRAM --flag=--redis-port=16379 --peer floor --bridge mine=COMMAND [SCENARIO]...
  measure.py --report FILE

Fails when a check of the harness fails for ChatBridge or a bridge given by --bridge: a message lost, doubled, out of order
or altered, a log job that is missing, a forged webhook that is handled. Speed never fails a run; the table is for reading.
"""
import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import time

import marks
import results
from plan import DEFAULT, PEERS, QUICK, SCENARIOS, flags_for

# Heading, width, what to print of the median. Microseconds, megabytes and milliseconds.
COLUMNS = [
    ('msg/s', 8, lambda m: f"{m('throughput'):.0f}"),
    ('CPU µs', 8, lambda m: f"{m('bridge_cpu_us'):.1f}"),
    ('ack p50', 8, lambda m: f"{m('ack_p50_us'):.0f}"),
    ('p99', 8, lambda m: f"{m('ack_p99_us'):.0f}"),
    ('added p50', 10, lambda m: f"{m('added_p50_us'):.0f}"),
    ('p99', 8, lambda m: f"{m('added_p99_us'):.0f}"),
    ('p99.9', 8, lambda m: f"{m('added_p999_us'):.0f}"),
    ('MB idle', 8, lambda m: f"{m('bridge_rss_ready_kb') / 1024:.1f}"),
    ('peak', 7, lambda m: f"{m('bridge_rss_peak_kb') / 1024:.1f}"),
    ('threads', 8, lambda m: f"{m('bridge_threads'):.0f}"),
    ('logs lost', 10, lambda m: f"{m('log_expected') - m('log_stored'):.0f}"),
    ('start ms', 9, lambda m: f"{m('cold_200_ms'):.1f}"),
    ('others %', 9, lambda m: f"{max(0, m('other_cpu_pct')):.0f}"),
]
# Of these the median is shown as a ratio to each of the bridges compared with.
RATIOS = [('CPU', 'bridge_cpu_us'), ('msg/s', 'throughput'), ('added p50', 'added_p50_us'), ('p99', 'added_p99_us')]
COMPARED = ('floor', 'go', 'node')


def run(options, name, command, scenario):
    """One run of one bridge; the harness' report."""
    if options.before:
        subprocess.run(options.before, shell=True, stdout=subprocess.DEVNULL, check=True)
    plan = SCENARIOS[scenario]
    arguments = [options.bench, '--label', name, '--spawn', command, *options.flag,
                 *flags_for(scenario, PEERS.get(name))]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300,
                          env=os.environ | plan.environment)
    lines = done.stdout.decode().strip().splitlines()
    if not lines:
        raise RuntimeError(done.stderr.decode().strip()[-2000:] or f'the harness ended with {done.returncode}')
    report = json.loads(lines[-1])
    if 'BENCH_EMBEDDED' in plan.environment:
        count_rows(report)
    return report | {'scenario': scenario, 'load1': os.getloadavg()[0], 'at': time.time()}


def count_rows(report):
    """Without Redis the log is the SQLite file: two rows a message, once the bridge has ended."""
    report['log_expected'] = 2 * report['messages']
    database = sqlite3.connect(os.path.join(os.environ['BENCH_FOLDER'], 'bench.db'))
    report['log_stored'] = database.execute('SELECT count(*) FROM messages').fetchone()[0]
    database.close()
    report['pass'] = report['pass'] and report['log_stored'] == report['log_expected']


def faults_of(report):
    """The counters that are not as they must be, for people."""
    zero = ['missing', 'unacked', 'duplicates', 'agent_duplicates', 'out_of_order', 'overlaps', 'wrong_chat',
            'content_errors', 'http_errors', 'unknown', 'forged_handled']
    found = [f'{key}={report[key]}' for key in zero if report[key]]
    if report['log_stored'] != report['log_expected']:
        found.append(f"log jobs {report['log_stored']} of {report['log_expected']}")
    if report['wrong_secret_status'] >= 0:
        found.append(f"a wrong secret gets {report['wrong_secret_status']}")
    return ', '.join(found)


class Reports:
    """The reports of all runs, and their medians."""

    def __init__(self, rows=()):
        self.rows = list(rows)

    @property
    def names(self):
        return list(dict.fromkeys(row['label'] for row in self.rows))

    @property
    def scenarios(self):
        there = {row['scenario'] for row in self.rows}
        return [name for name in SCENARIOS if name in there]

    def of(self, scenario, name):
        return [row for row in self.rows if row['scenario'] == scenario and row['label'] == name]

    def median(self, scenario, name, key):
        """None when there is no such run."""
        found = [row[key] for row in self.of(scenario, name) if row.get(key) is not None]
        return statistics.median(found) if found else None

    def ratio(self, key, ours, theirs):
        """The median of the rounds' ratios, each a (scenario, bridge); what a machine does for minutes is in both of a round."""
        pairs = [(row.get(key), other.get(key)) for row, other in zip(self.of(*ours), self.of(*theirs))]
        found = [mine / other for mine, other in pairs if mine is not None and other]
        return statistics.median(found) if found else None

    def ratios(self, scenario, name):
        """`of floor: CPU × 3.1 …` for each bridge compared with."""
        found = []
        for other in self.names:
            if other == name or other not in COMPARED or scenario in ('cold',):
                continue
            parts = []
            for heading, key in RATIOS:
                ratio = self.ratio(key, (scenario, name), (scenario, other))
                # In an open loop the rate is the load's.
                if ratio is None or key == 'throughput' and 'rate' in SCENARIOS[scenario].flags:
                    continue
                parts.append(f'{heading} × {ratio:.2f}')
            if parts:
                found.append(f'of {other}: ' + ', '.join(parts))
        return found

    def passed(self, scenario, name):
        rows = self.of(scenario, name)
        return f"{sum(row['pass'] for row in rows)}/{len(rows)}"

    def table(self):
        """For the terminal; below ChatBridge, and bridges that are no peers, their ratios to floor, Go and Node."""
        print(f"\n{'scenario':10} {'bridge':15}{'pass':>5}" + ''.join(f'{head:>{width}}' for head, width, _ in COLUMNS))
        for scenario in self.scenarios:
            for name in self.names:
                if not self.of(scenario, name):
                    continue
                median = lambda key: self.median(scenario, name, key)
                print(f'{scenario:10} {name:15}{self.passed(scenario, name):>5}'
                      + ''.join(f'{show(median):>{width}}' for _, width, show in COLUMNS))
            for name in self.names:
                if (name == 'chatbridge' or name not in PEERS) and self.of(scenario, name):
                    for line in self.ratios(scenario, name):
                        print(f"{'':10} {name:15}     {line}")
        for line in self.streams():
            print(f'stream     {line}')

    def streams(self):
        """A line for each bridge that streams: when the first words show, and the last."""
        return [
            f"{name}: the first words show {self.median('stream', name, 'first_p50_us') / 1000:.1f} ms after the agent's first "
            f"(p99 {self.median('stream', name, 'first_p99_us') / 1000:.1f}; the bridge waits 500 ms, so that a short answer is "
            f"one message), {self.median('stream', name, 'updates_per_answer'):.1f} updates an answer; all of it shows "
            f"{self.median('stream', name, 'last_p50_us') / 1000:.2f} ms after the agent's last piece "
            f"(p99 {self.median('stream', name, 'last_p99_us') / 1000:.1f})"
            for name in self.names if self.of('stream', name)]

    def markdown(self):
        """For RESULTS.md."""
        parts = ['## Medians', '| scenario | bridge | passed | ' + ' | '.join(head for head, _, _ in COLUMNS) + ' |',
                 '| --- | --- | --- |' + ' --: |' * len(COLUMNS)]
        for scenario in self.scenarios:
            for name in self.names:
                if self.of(scenario, name):
                    median = lambda key: self.median(scenario, name, key)
                    cells = [show(median) for _, _, show in COLUMNS]
                    parts.append(f'| {scenario} | {name} | {self.passed(scenario, name)} | ' + ' | '.join(cells) + ' |')
        about = [f'- {name}: {SCENARIOS[name].about}' for name in self.scenarios]
        streams = ['', 'Streaming: ' + '; '.join(self.streams()) + '.'] if self.streams() else []
        others = [max(0, row['other_cpu_pct']) for row in self.rows]
        noise = ['', f'Other programs took {statistics.median(others):.0f} % of a core meanwhile (the median of '
                     f'{len(others)} runs; at most {max(others):.0f} %).']
        return '\n'.join(parts[:1] + [''] + parts[1:] + [''] + about + streams + noise)


def measure(options, bridges, scenarios):
    """Runs everything in turns; the reports, and what failed."""
    reports, failed = Reports(), []
    is_chosen = options.scenarios or options.quick
    rounds = {name: options.rounds if is_chosen else SCENARIOS[name].rounds_of(options.rounds) for name in scenarios}
    # Each round begins with another bridge: what runs after a busy one finds a warmer machine.
    turned = lambda turn: [*bridges][turn % len(bridges):] + [*bridges][:turn % len(bridges)]
    turns = [(turn, scenario, name) for turn in range(max(rounds.values())) for scenario in scenarios for name in turned(turn)
             if turn < rounds[scenario] and flags_for(scenario, PEERS.get(name)) is not None]
    left = sum(SCENARIOS[scenario].seconds for _, scenario, _ in turns)
    for number, (turn, scenario, name) in enumerate(turns):
        print(f'{number + 1} of {len(turns)}: round {turn + 1}, {scenario}, {name}; {left / 60:.1f} min left',
              file=sys.stderr)
        left -= SCENARIOS[scenario].seconds
        try:
            report = run(options, name, bridges[name], scenario)
        except (RuntimeError, subprocess.SubprocessError, ValueError) as problem:
            failed.append(f'{scenario} {name}: {problem}')
            print(f'  failed: {failed[-1]}', file=sys.stderr)
            continue
        reports.rows.append(report)
        if options.out:
            with open(options.out, 'a') as file:
                file.write(json.dumps(report) + '\n')
        # The peers mark what the work costs. Where they lose something the table says so; they are not what is tested.
        if not report['pass'] and (name == 'chatbridge' or name not in PEERS):
            failed.append(f'{scenario} {name}: {faults_of(report)}')
            print(f'  failed: {failed[-1]}', file=sys.stderr)
    return reports, failed, len(turns)


def publish(reports, extra, keep):
    """Prints the marks; with `keep`, RESULTS.md is written too."""
    found = marks.bridge_marks(reports, extra)
    print()
    for mark in found:
        # A run of some scenarios says what it can say.
        if mark['met'] is None and not keep:
            continue
        print(f"{results.verdict(mark).strip('*'):13} {mark['what']}: {mark['measured']} (mark: {mark['mark']})")
    if keep:
        text = [reports.markdown(), *extra.get('sections', [])]
        results.write('bridge', {'marks': found, 'text': '\n\n'.join(text)})
        print('written: Benchmarks/RESULTS.md', file=sys.stderr)


def read_reports(path):
    with open(path) as file:
        return Reports(json.loads(line) for line in file if line.strip())


def read_extra(path):
    if not path or not os.path.exists(path):
        return {}
    with open(path) as file:
        return json.load(file)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--bench', help='the harness program')
    parser.add_argument('--flag', action='append', default=[], help='a flag for every run of the harness')
    parser.add_argument('--peer', action='append', default=[], metavar='NAME', help=', '.join(PEERS))
    parser.add_argument('--bridge', action='append', default=[], metavar='NAME=COMMAND', help='another bridge')
    parser.add_argument('--before', help='a shell command before each run')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--quick', action='store_true', help='one round of ' + ', '.join(QUICK))
    parser.add_argument('--out', help='append each report to this file, one JSON object a line')
    parser.add_argument('--extra', help='figures that no report of the harness holds, a JSON object')
    parser.add_argument('--report', metavar='FILE', help='measure nothing: print the table and the marks of these reports')
    parser.add_argument('--publish', action='store_true', help='write the results into RESULTS.md')
    parser.add_argument('scenarios', nargs='*', metavar='SCENARIO', help=', '.join(SCENARIOS))
    options = parser.parse_args()
    if options.report:
        reports = read_reports(options.report)
        reports.table()
        return publish(reports, read_extra(options.extra), options.publish)
    if options.quick:
        options.rounds = 1
    scenarios = options.scenarios or (QUICK if options.quick else DEFAULT)
    for scenario in scenarios:
        if scenario not in SCENARIOS:
            parser.error(f'no such scenario: {scenario} ({", ".join(SCENARIOS)})')
    for name in options.peer:
        if name not in PEERS:
            parser.error(f'no such peer: {name} ({", ".join(PEERS)})')
    bridges = {name: PEERS[name].shell() for name in options.peer}
    bridges |= dict(bridge.split('=', 1) for bridge in options.bridge)
    if not options.bench or not bridges:
        parser.error('--bench and at least one --peer or --bridge are needed')
    reports, failed, runs = measure(options, bridges, scenarios)
    reports.table()
    if 'chatbridge' in bridges:
        publish(reports, read_extra(options.extra), options.publish)
    print()
    for line in failed:
        print(f'failed: {line}')
    print(f'bench: {runs - len(failed)} passed, {len(failed)} failed')
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
