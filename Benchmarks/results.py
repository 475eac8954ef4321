#!/usr/bin/env python3
"""RESULTS.md, put together of pieces that are measured one by one.

  results.py                 writes RESULTS.md anew of what is in results/ and of notes.md
  results.py NAME FILE       takes FILE, a JSON object, as the piece NAME, stamped with machine, versions, commit and date

A piece is {"marks": [{"order": 9, "what": "…", "mark": "…", "measured": "…", "met": true}], "text": "…"}: rows for the table of
marks (`met` null: not measured), and Markdown of its own. notes.md is written by hand and stays: the reasons of what is missed.
"""
import datetime
import glob
import json
import os
import platform
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, 'results')
# In this order; others follow by name.
ORDER = ['bridge', 'logger', 'curves', 'scale']


def said(*command):
    """The first line that a command prints; empty when there is no such command."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return ''
    lines = done.stdout.decode(errors='replace').strip().splitlines()
    return lines[0].strip() if lines and done.returncode == 0 else ''


def number_in(text):
    found = re.search(r'\d+(\.\d+)+|\d+', text)
    return found.group(0) if found else ''


def field_of(path, key):
    with open(path) as file:
        for line in file:
            if line.startswith(key):
                return line.split(':', 1)[-1].split('=', 1)[-1].strip().strip('"')
    return ''


def machine():
    """What it was measured on."""
    kilobytes = int(field_of('/proc/meminfo', 'MemTotal').split()[0])
    return (f"{os.cpu_count()} cores of {field_of('/proc/cpuinfo', 'model name') or platform.machine()}, "
            f"{kilobytes / (1 << 20):.0f} GB, {field_of('/etc/os-release', 'PRETTY_NAME')}, "
            f'Linux {platform.release()}')


def versions():
    """Of what is installed."""
    postgres = sorted(glob.glob('/usr/lib/postgresql/*/bin/postgres'), key=lambda path: float(path.split('/')[4]))
    found = {
        'Swift': number_in(said('swift', '--version').partition('Swift version')[2]),
        'Go': number_in(said('go', 'version')),
        'Node': number_in(said('node', '--version')),
        'Python': platform.python_version(),
        'Redis': number_in(said('redis-cli', '--version')),
        'PostgreSQL': number_in(said(postgres[-1], '--version')) if postgres else '',
        'libcurl': said('pkg-config', '--modversion', 'libcurl'),
        'libevent': said('pkg-config', '--modversion', 'libevent'),
        'gcc': number_in(said('gcc', '-dumpfullversion')),
    }
    return ', '.join(f'{name} {version}' for name, version in found.items() if version)


def commit():
    """The commit, with a + where files differ from it."""
    name = said('git', '-C', HERE, 'rev-parse', '--short=12', 'HEAD')
    changed = said('git', '-C', HERE, 'status', '--porcelain', '--untracked-files=no', '--', ':!Benchmarks/results',
                   ':!Benchmarks/RESULTS.md')
    return name + ('+' if changed else '') if name else 'unknown'


def write(name, piece):
    """Keeps a piece and writes RESULTS.md anew."""
    stamp = {'date': datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%d %H:%M UTC'), 'commit': commit(),
             'machine': machine(), 'versions': versions()}
    os.makedirs(FOLDER, exist_ok=True)
    with open(os.path.join(FOLDER, name + '.json'), 'w') as file:
        json.dump(stamp | piece, file, indent=1, ensure_ascii=False)
        file.write('\n')
    assemble()


def verdict(mark):
    return {True: 'met', False: '**missed**', None: 'not measured'}[mark.get('met')]


def marks_table(marks):
    rows = ['| what | mark | measured | |', '| --- | --- | --- | --- |']
    for mark in sorted(marks, key=lambda mark: mark.get('order', 99)):
        rows.append(f"| {mark['what']} | {mark['mark']} | {mark['measured']} | {verdict(mark)} |")
    return '\n'.join(rows)


def assemble():
    """Writes RESULTS.md of the pieces that there are."""
    pieces = {}
    for path in glob.glob(os.path.join(FOLDER, '*.json')):
        with open(path) as file:
            pieces[os.path.basename(path)[:-5]] = json.load(file)
    names = sorted(pieces, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    marks = [mark for name in names for mark in pieces[name].get('marks', [])]
    met = sum(mark.get('met') is True for mark in marks)
    missed = sum(mark.get('met') is False for mark in marks)
    parts = ['# Results', 'Written by `scripts/bench` and `scripts/bench-logger`; [how to read it](README.md). Figures are '
             'medians of interleaved runs. Ratios within one run say more than figures: machines differ, and this one had '
             'bridge, harness, Redis and Postgres on the same cores. What misses its mark has a (!).']
    seen = set()
    for name in names:
        piece = pieces[name]
        where = (piece['machine'], piece['versions'])
        line = f"- {name}: {piece['date']}, commit {piece['commit']}"
        if where not in seen:
            seen.add(where)
            line += f"; {piece['machine']}; {piece['versions']}"
        parts.append(line)
    if marks:
        parts += ['## Marks', f'{met} met, {missed} missed, {len(marks) - met - missed} not measured.', marks_table(marks)]
    notes = os.path.join(HERE, 'notes.md')
    if os.path.exists(notes):
        with open(notes) as file:
            parts.append(file.read().strip())
    parts += [pieces[name]['text'].strip() for name in names if pieces[name].get('text')]
    text = '\n\n'.join(parts) + '\n'
    # The list of pieces is one list.
    text = re.sub(r'(\n- [^\n]*)\n(?=\n- )', r'\1', text)
    with open(os.path.join(HERE, 'RESULTS.md'), 'w') as file:
        file.write(text)


def main():
    if len(sys.argv) == 1:
        return assemble()
    if len(sys.argv) != 3 or sys.argv[1].startswith('-'):
        print(__doc__)
        sys.exit(0 if sys.argv[1] in ('-h', '--help') else 64)
    with open(sys.argv[2]) as file:
        write(sys.argv[1], json.load(file))


if __name__ == '__main__':
    main()
