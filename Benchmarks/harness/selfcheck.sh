#!/usr/bin/env bash
# Usage: selfcheck.sh BENCH FLAG...
#
# The harness (the program BENCH, with FLAGs such as its ports) against a toy bridge that is wrong on purpose: each fault
# must show in its own counter, and a bridge without one must pass. Needs node.

set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
bench=("$@")
faults=0 load=()

# check FAULT EXPRESSION: the expression, in Python, must hold of the harness' report r.
check() {
    local report
    report=$(FAULT=$1 timeout 60 "${bench[@]}" --spawn 'node faulty.mjs' --label "$1" --drain 2 --redis-wait 1 \
        "${load[@]}" 2>/dev/null)
    python3 - "$report" "$2" "$1" <<'PYTHON' || faults=$((faults + 1))
import json, sys
r = json.loads(sys.argv[1] or '{}')
ok = bool(r) and bool(eval(sys.argv[2], {}, {'r': r}))
shown = ['pass', 'missing', 'duplicates', 'out_of_order', 'overlaps', 'wrong_chat', 'content_errors', 'http_errors',
         'forged_handled', 'log_stored', 'log_expected', 'added_p50_us', 'added_max_us', 'first_p50_us']
print('%-6s %-9s %-11s %s' % ('ok' if ok else 'WRONG', r.get('platform'), sys.argv[3],
                              ' '.join(f'{key}={r[key]}' for key in shown if key in r)))
sys.exit(not ok)
PYTHON
}

# 1,401 messages: the first, and 3.5 s at 400 a second. Of each hundred one is struck: 14.
load=(--rate 400 --seconds 2.5 --warmup 1 --conversations 50)
check none "r['pass'] and r['ok'] == 1401"
check lose "not r['pass'] and r['missing'] == 14 and r['log_stored'] == r['log_expected'] and not r['duplicates']"
check dup "not r['pass'] and r['duplicates'] == 14 and not r['missing']"
check reorder "not r['pass'] and r['out_of_order'] > 350 and not r['missing'] and not r['duplicates']"
check wrongchat "not r['pass'] and r['wrong_chat'] == 14"
check corrupt "not r['pass'] and r['content_errors'] == 14"
check nosecret "not r['pass'] and r['wrong_secret_status'] == 200 and r['forged_handled'] > 0"
check loglost "not r['pass'] and r['log_expected'] - r['log_stored'] == 14 and r['ok'] == 1401"
check ack500 "not r['pass'] and r['http_errors'] == 14"
check noack "not r['pass'] and (r['http_errors'] + r['conn_retries'] > 0)"
load=(--rate 400 --seconds 2.5 --warmup 1 --conversations 400)
check slow "r['pass'] and r['added_p50_us'] > 20000"
check stall "r['pass'] and r['added_max_us'] > 290000"
# The agent takes 10 ms and messages of the one chat are 2.5 ms apart, so they must overlap.
load=(--rate 400 --seconds 2.5 --warmup 1 --conversations 1 --delay 10)
check overlap "not r['pass'] and r['overlaps'] > 0"

# The other platforms: 401 messages, 4 of them struck.
for platform in slack whatsapp; do
    load=(--platform "$platform" --rate 400 --seconds 0.75 --warmup 0.25 --conversations 50)
    check none "r['pass'] and r['ok'] == 401 and r['platform'] == '$platform'"
    check nosecret "not r['pass'] and r['wrong_secret_status'] == 200 and r['forged_handled'] > 0"
    check wrongchat "not r['pass'] and r['wrong_chat'] == 4"
    check corrupt "not r['pass'] and r['content_errors'] == 4"
    check dup "not r['pass'] and r['duplicates'] == 4"
    check lose "not r['pass'] and r['missing'] == 4"
done

# Answers that stream: 5 pieces within 80 ms; 201 messages, 2 of them struck.
load=(--stream 5 --piece-ms 20 --rate 200 --seconds 0.75 --warmup 0.25 --conversations 200)
check none "r['pass'] and r['ok'] == 201 and r['first_p50_us'] < 60000 and r['updates_per_answer'] > 2"
check losepiece "not r['pass'] and r['content_errors'] > 0"
check mixpieces "not r['pass'] and r['content_errors'] > 0"
check doubled "not r['pass'] and r['duplicates'] == 2"
check wrongedit "not r['pass'] and r['wrong_chat'] > 0"
check late "r['pass'] and r['first_p50_us'] > 75000 and r['updates_per_answer'] == 0"

# The server alone.
load=(--get /health --window 8 --seconds 0.75 --warmup 0.25)
check none "r['pass'] and r['throughput'] > 100"
check health500 "not r['pass'] and r['http_errors'] > 0"
check emptyhealth "not r['pass'] and r['http_errors'] > 0 and r['unacked'] > 0"
[ "$faults" -eq 0 ]
