#!/usr/bin/env bash
# Usage: selfcheck.sh BENCH FLAG...
#
# The harness (the program BENCH, with FLAGs such as its ports) against a toy bridge that is wrong on purpose: each fault
# must show in its own counter, and a bridge without one must pass. Needs node.

set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
bench=("$@")
faults=0

# check FAULT EXPRESSION [CONVERSATIONS [DELAY]]: the expression, in Python, must hold of the harness' report r.
check() {
    local report
    report=$(FAULT=$1 timeout 60 "${bench[@]}" --spawn 'node faulty.mjs' --label "$1" --rate 400 --seconds 2.5 \
        --warmup 1 --conversations "${3:-50}" --delay "${4:-0}" --drain 2 --redis-wait 1 2>/dev/null)
    python3 - "$report" "$2" "$1" <<'PYTHON' || faults=$((faults + 1))
import json, sys
r = json.loads(sys.argv[1] or '{}')
ok = bool(r) and bool(eval(sys.argv[2], {}, {'r': r}))
shown = ['pass', 'missing', 'duplicates', 'out_of_order', 'overlaps', 'wrong_chat', 'content_errors', 'http_errors',
         'forged_handled', 'log_stored', 'log_expected', 'added_p50_us', 'added_max_us']
print('%-6s %-10s %s' % ('ok' if ok else 'WRONG', sys.argv[3], ' '.join(f'{k}={r.get(k)}' for k in shown)))
sys.exit(not ok)
PYTHON
}

# 1,401 messages: the first, and 3.5 s at 400 a second. Of each hundred one is struck: 14.
check none "r['pass'] and r['ok'] == 1401"
check lose "not r['pass'] and r['missing'] == 14 and r['log_stored'] == r['log_expected'] and not r['duplicates']"
check dup "not r['pass'] and r['duplicates'] == 14 and not r['missing']"
check reorder "not r['pass'] and r['out_of_order'] > 350 and not r['missing'] and not r['duplicates']"
# The agent takes 10 ms and messages of the one chat are 2.5 ms apart, so they must overlap.
check overlap "not r['pass'] and r['overlaps'] > 0" 1 10
check slow "r['pass'] and r['added_p50_us'] > 20000" 400
check stall "r['pass'] and r['added_max_us'] > 290000" 400
check wrongchat "not r['pass'] and r['wrong_chat'] == 14"
check corrupt "not r['pass'] and r['content_errors'] == 14"
check nosecret "not r['pass'] and r['wrong_secret_status'] == 200 and r['forged_handled'] > 0"
check loglost "not r['pass'] and r['log_expected'] - r['log_stored'] == 14 and r['ok'] == 1401"
check ack500 "not r['pass'] and r['http_errors'] == 14"
check noack "not r['pass'] and (r['http_errors'] + r['conn_retries'] > 0)"
[ "$faults" -eq 0 ]
