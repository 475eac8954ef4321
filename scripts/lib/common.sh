# shellcheck shell=bash
# What every script here shares: where the project is, how it speaks, how it builds. Sourced, never run.

# The project's folder, so that each script works from anywhere.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root" || exit 1

# Says what is going on, on stderr: stdout belongs to the program that a script runs.
say() { printf '%s\n' "$*" >&2; }

# Ends the script with a reason and, as a second argument, a sysexits code (CONTRACT: 64 usage, 69 unavailable).
die() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit "${2:-1}"
}

# Prints the comment at the top of the calling script (from its second line to the first empty one) as its help.
show_help() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; }

# The process group of the job in front, for `leave` to end; empty when there is none.
group=

# quietly LOG COMMAND…: runs a long command with its output in LOG. On a terminal the last line of the log is shown as
# it grows; elsewhere a line a minute says that the work goes on. When the command fails, the log is shown.
quietly() {
    local log=$1 status=0 started=$SECONDS pid line
    shift
    mkdir -p "$(dirname "$log")"
    set -m
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    group=$pid
    set +m
    while kill -0 "$pid" 2>/dev/null; do
        if [ -t 2 ]; then
            line=$(tail -n 1 "$log" | tr -d '\r')
            printf '\r\033[K%5ds  %.90s' "$((SECONDS - started))" "$line" >&2
        elif [ $((SECONDS - started)) -gt 0 ] && [ $(((SECONDS - started) % 60)) -eq 0 ]; then
            say "  … $((SECONDS - started)) s: $(tail -n 1 "$log" | tr -d '\r' | cut -c 1-90)"
            sleep 1
        fi
        sleep 0.2
    done
    wait "$pid" || status=$?
    group=
    [ ! -t 2 ] || printf '\r\033[K' >&2
    if [ "$status" -ne 0 ]; then
        # Errors first: a long log hides them among the lines of what still compiled.
        grep -E '(^|[^a-z])error:' "$log" | sort -u | head -n 40 >&2
        say "--- the last lines of $log"
        tail -n 60 "$log" >&2
        say "failed after $((SECONDS - started)) s: $*"
    fi
    return "$status"
}

# Makes a temporary folder of this run's own and sets `temp` to it. Others may pass through it (Postgres runs as another
# user) but not list it. `leave` (below) removes it.
make_temp() {
    temp=$(mktemp -d "${TMPDIR:-/tmp}/chatbridge.XXXXXX")
    chmod 711 "$temp"
}

# A port on 127.0.0.1 that is free now. Someone else may take it before it is used: who starts a server tries again.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# end_process PID [SIGNAL [SECONDS]]: asks a process to end, waits, and then makes it.
end_process() {
    local pid=$1 signal=${2:-TERM} tries=$((${3:-10} * 20))
    kill -s "$signal" "$pid" 2>/dev/null || return 0
    while [ "$tries" -gt 0 ] && kill -0 "$pid" 2>/dev/null; do
        sleep 0.05
        tries=$((tries - 1))
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

# foreground COMMAND…: runs a command so that a signal to this script ends it at once. Bash runs a trap only when the
# command in front has ended; a job in a process group of its own, waited for, leaves the trap free to run. `leave` ends
# the whole group, because a test runner has children, and what a runner that crashed has left behind ends here.
foreground() {
    local status=0
    set -m
    "$@" </dev/null &
    group=$!
    set +m
    wait "$group" || status=$?
    kill -KILL -- "-$group" 2>/dev/null || true
    group=
    return "$status"
}

# Undoes what this run started; each script adds to it by defining `at_exit`. Runs once, also on Ctrl-C, TERM and HUP.
leave() {
    local status=$?
    trap - EXIT
    trap '' INT TERM HUP
    if [ -n "$group" ]; then
        kill -TERM -- "-$group" 2>/dev/null || true
        local tries=100
        while [ "$tries" -gt 0 ] && kill -0 -- "-$group" 2>/dev/null; do
            sleep 0.05
            tries=$((tries - 1))
        done
        kill -KILL -- "-$group" 2>/dev/null || true
        wait "$group" 2>/dev/null || true
    fi
    if declare -F at_exit >/dev/null; then at_exit || true; fi
    if [ -n "${temp:-}" ]; then rm -rf "$temp"; fi
    exit "$status"
}

# Arranges that `leave` runs whatever happens. An interrupted run ends with 128 + the signal's number, as shells do.
clean_up_on_exit() {
    trap leave EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}
