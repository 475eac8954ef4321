#!/usr/bin/env python3
"""The log path's share of what a message costs, in user instructions, of two callgrind profiles: a longer run less a shorter one.

Counted are the functions of the log path with all that they call: those of the module Journal (recorder, encoding, sessions,
buffer, pump, push), and the bridge's own that make a log job (names with `record` or `Jobs`). The difference of two runs of
different length leaves out what starting and ending cost. Instructions in the kernel are not counted; there a push writes
many jobs at once, so that the share of the whole is smaller rather than larger.

  logshare.py SHORT LONG MESSAGES-MORE
"""
import re
import sys
from collections import defaultdict

# Swift's mangled names: $s, then the module's length and name. `Bridge.record…`, `Bridge.inboundJobs` and what they are made of.
LOG_PATH = re.compile(r'^\$s(7Journal|6Bridge(?!Core)(AAC|AAV)?\d*[A-Za-z0-9_]*(record|Jobs|Metadata))')
COST = re.compile(r'^[+\-*]?\d*\s+(\d+)')
NAME = re.compile(r'\((\d+)\)(?: (.*))?')


def read(path):
    """Self cost by function, and inclusive cost by (caller, callee)."""
    names, own, edges = {}, defaultdict(int), defaultdict(int)

    def resolve(text):
        number, name = NAME.match(text).groups()
        if name:
            names[number] = name
        return names[number]

    caller = callee = None
    is_call = False
    with open(path, errors='replace') as file:
        for line in file:
            if line.startswith('fn='):
                caller = resolve(line[3:].rstrip())
            elif line.startswith('cfn='):
                callee = resolve(line[4:].rstrip())
            elif line.startswith('calls='):
                is_call = True
            elif caller and (found := COST.match(line)):
                if is_call:
                    edges[caller, callee] += int(found.group(1))
                else:
                    own[caller] += int(found.group(1))
                is_call = False
    return own, edges


def base(name):
    """Without callgrind's mark for recursion."""
    return name.split("'")[0]


def cost(path):
    """Instructions in all, and of the log path, by function that enters it."""
    own, edges = read(path)
    inclusive = defaultdict(int, own)
    for (caller, _), instructions in edges.items():
        inclusive[caller] += instructions
    is_log = {name: bool(LOG_PATH.match(base(name))) for name in inclusive}
    # What part of a function's cost lies in log functions below it: those are counted by themselves, not again for whoever
    # called them through something general (`assumeIsolated`). Cycles settle in a few rounds.
    below = {name: float(is_log[name]) for name in inclusive}
    for _ in range(20):
        found = defaultdict(float)
        for (caller, callee), instructions in edges.items():
            found[caller] += instructions * below.get(callee, 0.0)
        below = {name: 1.0 if is_log[name] else min(1.0, found[name] / max(inclusive[name], 1)) for name in inclusive}
    parts = defaultdict(float)
    for name, instructions in own.items():
        if is_log[name]:
            parts[base(name)] += instructions
    for (caller, callee), instructions in edges.items():
        if is_log[caller] and not is_log.get(callee, False):
            parts[base(caller)] += instructions * (1 - below.get(callee, 0.0))
    return sum(own.values()), parts


def share(short, long):
    """Per cent, instructions in all, and the functions of the log path with theirs."""
    (total_short, parts_short), (total_long, parts_long) = cost(short), cost(long)
    total = total_long - total_short
    parts = {name: parts_long[name] - parts_short.get(name, 0) for name in parts_long}
    return 100 * sum(parts.values()) / total, total, parts


def main():
    if len(sys.argv) != 4:
        print(__doc__)
        sys.exit(64)
    percent, total, parts = share(sys.argv[1], sys.argv[2])
    messages = int(sys.argv[3])
    print(f'{percent:.1f} % of {total / messages:,.0f} instructions a message')
    for name, instructions in sorted(parts.items(), key=lambda part: -part[1])[:25]:
        print(f'{instructions / messages:10,.0f}  {name}')


if __name__ == '__main__':
    main()
