#!/usr/bin/env python3
"""What no single run of the harness tells: 50,000 answers in flight, the log path's share, the program's size, the adapters.

Called by scripts/bench; writes a JSON object for measure.py --extra.
  extras.py --bench PROGRAM --program CHATBRIDGE [--symbols FILE] --command COMMAND --redis-port N --port N … --out FILE
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

import flight
import logshare

ADAPTERS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'scripts', 'bench-adapters')


def say(text):
    print(text, file=sys.stderr)


def has_symbols(program):
    """Does it tell its functions' names? callgrind has nothing to say of it otherwise."""
    done = subprocess.run(['nm', program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.returncode == 0 and b'7Journal' in done.stdout


def log_share(options):
    """Two runs of different length under callgrind; the share, and a sentence on it."""
    program = options.symbols or options.program
    if not shutil.which('valgrind') or not has_symbols(program):
        say("left out: the log path's share needs valgrind and a program with its symbols")
        return None, ''
    with tempfile.TemporaryDirectory() as folder:
        # valgrind cannot read this toolchain's debug information; the names are enough.
        stripped, wrapper = os.path.join(folder, 'chatbridge'), os.path.join(folder, 'under-callgrind')
        subprocess.run(['strip', '--strip-debug', '-o', stripped, program], check=True)
        profiles, messages = [], []
        # Of 64 conversations as fast as it goes. The shorter run has seen them all, so that no session is looked up in the
        # difference; both are of so many messages, not of so much time.
        for count in (320, 1600):
            profile = os.path.join(folder, f'{count}.out')
            with open(wrapper, 'w') as file:
                file.write(f'#!/bin/sh\nexec valgrind -q --tool=callgrind --dump-line=no --callgrind-out-file={profile} '
                           f'{stripped} "$@"\n')
            os.chmod(wrapper, 0o755)
            subprocess.run(options.before, shell=True, stdout=subprocess.DEVNULL, check=True)
            flags = ['--rate', '20000', '--seconds', str(count / 20000), '--warmup', '0', '--conversations', '64',
                     '--drain', '30', '--redis-wait', '30', '--spawn', options.command, *options.flag]
            done = subprocess.run([options.bench, *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=200,
                                  env=os.environ | {'CHATBRIDGE': wrapper})
            report = json.loads(done.stdout.decode().strip().splitlines()[-1])
            if report['missing']:
                raise ValueError(f"{report['missing']} messages were not answered")
            messages.append(report['messages'])
            profiles.append(profile)
        percent, instructions, _ = logshare.share(*profiles)
        return percent, f'of {instructions / (messages[1] - messages[0]):,.0f} user instructions'


def adapters():
    """The table of scripts/bench-adapters as Markdown."""
    say('the adapters alone')
    done = subprocess.run([ADAPTERS, '--times', '20000'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    rows = [line.split() for line in done.stdout.decode().splitlines()[1:]]
    if done.returncode or not rows:
        say('left out: scripts/bench-adapters failed')
        return ''
    lines = ['## Adapters', '', 'Microseconds to verify and read one webhook, without I/O (`scripts/bench-adapters`).', '',
             '| platform | bytes | µs |', '| --- | --: | --: |']
    return '\n'.join(lines + ['| ' + ' | '.join(row[:3]) + ' |' for row in rows])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--bench', required=True, help='the harness program')
    parser.add_argument('--program', required=True, help='ChatBridge as it is shipped')
    parser.add_argument('--symbols', help='the same with its symbols')
    parser.add_argument('--command', required=True, help='starts it for the harness')
    parser.add_argument('--redis-port', type=int, required=True)
    parser.add_argument('--flag', action='append', default=[], help='a flag for the harness')
    parser.add_argument('--before', default='true', help='a shell command before each run')
    parser.add_argument('--count', type=int, default=50_000, help='answers in flight')
    parser.add_argument('--out', required=True)
    options = parser.parse_args()
    found = {'binary_bytes': os.path.getsize(options.program), 'sections': []}
    say("the log path's share, under callgrind: half a minute")
    try:
        found['log_share'], found['log_share_said'] = log_share(options)
    except (subprocess.SubprocessError, ValueError, IndexError, ZeroDivisionError) as problem:
        say(f"left out: the log path's share, {problem}")
    found['sections'].append(adapters())
    say(f'{options.count:,} answers in flight with an agent that takes 30 s: 80 s')
    subprocess.run(options.before, shell=True, stdout=subprocess.DEVNULL, check=True)
    try:
        found['flight'] = flight.fly(options.bench, options.command, options.redis_port, options.count, 30)
        if found['flight']['faults']:
            say(f"  failed: {found['flight']['faults']}")
    except (subprocess.SubprocessError, RuntimeError) as problem:
        say(f'left out: {options.count:,} answers in flight, {problem}')
    with open(options.out, 'w') as file:
        json.dump(found, file)


if __name__ == '__main__':
    main()
