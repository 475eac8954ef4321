#!/usr/bin/env python3
"""Many answers in flight: a bridge, or as many as the limit on open files asks for, before an agent that takes its time.

Each answer in flight is a connection to the agent, at the bridge and at the harness. Where a process may not open as many, or
where the system has too few ports towards one address, the answers are divided among several bridges, each with a harness of
its own: memory is then the sum, the latency that of the slowest.

  flight.py --bench PROGRAM --command COMMAND --redis-port N [--count 50000] [--delay 30]
"""
import argparse
import json
import os
import resource
import socket
import subprocess
import sys

# A message's other descriptors: the platform's side, connections of the server, log and spool.
SPARE = 1500


def most_in_one_process():
    """Answers that one process can have in flight here."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with open('/proc/sys/net/ipv4/ip_local_port_range') as file:
        low, high = map(int, file.read().split())
    return min(files, high - low) - SPARE


def free_ports(count):
    sockets = [socket.create_server(('127.0.0.1', 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def fly(bench, command, redis_port, count, delay, seconds=8, warmup=None):
    """Keeps `count` answers in flight with an agent that takes `delay` seconds; what became of them."""
    groups = -(-count // most_in_one_process())
    each = -(-count // groups)
    ports = free_ports(3 * groups)
    warmup = delay + 2 if warmup is None else warmup
    running = []
    for number in range(groups):
        port, agent, platform = ports[3 * number:3 * number + 3]
        prefix = f'flight{number}'
        flags = ['--label', prefix, '--rate', each / delay, '--delay', delay * 1000, '--conversations', int(each * 1.3) + 100,
                 '--warmup', warmup, '--seconds', seconds, '--drain', 10, '--redis-wait', 20, '--port', port,
                 '--agent-port', agent, '--platform-port', platform, '--redis-port', redis_port,
                 '--redis-list', f'{prefix}:log', '--spawn', command]
        running.append(subprocess.Popen(
            [bench, *map(str, flags)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=os.environ | {'BENCH_PREFIX': prefix}))
    reports = []
    for process in running:
        said, wrong = process.communicate(timeout=2 * delay + seconds + 240)
        lines = said.decode().strip().splitlines()
        if not lines:
            raise RuntimeError(wrong.decode().strip()[-2000:] or f'the harness ended with {process.returncode}')
        reports.append(json.loads(lines[-1]))
    lost = sum(max(report['missing'], report['log_expected'] - report['log_stored']) for report in reports)
    messages = sum(report['measured'] for report in reports)
    return {
        'count': count, 'delay': delay, 'processes': groups, 'messages': sum(report['messages'] for report in reports),
        'passed': all(report['pass'] for report in reports), 'lost': lost,
        'rss_kb': sum(report['bridge_rss_peak_kb'] for report in reports),
        'idle_kb': sum(report['bridge_rss_ready_kb'] for report in reports),
        'p50_us': max(report['added_p50_us'] for report in reports),
        'p99_us': max(report['added_p99_us'] for report in reports),
        'cpu_us': sum(report['bridge_cpu_us'] * report['measured'] for report in reports) / max(messages, 1),
        'said': f"{count:,} in flight" + (f' at {groups} bridges, since a process may hold {most_in_one_process():,} here'
                                           if groups > 1 else ''),
        'faults': [{key: report[key] for key in ('missing', 'unacked', 'duplicates', 'content_errors', 'http_errors')}
                   for report in reports if not report['pass']],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--bench', required=True, help='the harness program')
    parser.add_argument('--command', required=True, help='starts a bridge')
    parser.add_argument('--redis-port', type=int, required=True)
    parser.add_argument('--count', type=int, default=50_000)
    parser.add_argument('--delay', type=float, default=30)
    options = parser.parse_args()
    found = fly(options.bench, options.command, options.redis_port, options.count, options.delay)
    print(json.dumps(found))
    sys.exit(0 if found['passed'] else 1)


if __name__ == '__main__':
    main()
