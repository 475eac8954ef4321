# shellcheck shell=bash
# A Redis and a Postgres of a test run's own: on free ports of 127.0.0.1, in the run's temporary folder, ended with it.
# Sourced after common.sh. Call make_temp and clean_up_on_exit first, and stop_services from at_exit.
#
# The tests find them by these variables:
#   CHATBRIDGE_TEST_REDIS_URL        redis://127.0.0.1:PORT/0, append-only on
#   CHATBRIDGE_TEST_REDIS_SOCKET     path of the same server's unix socket
#   CHATBRIDGE_TEST_DATABASE_URL     postgres://… of a database whose user may create schemas and databases
#   CHATBRIDGE_TEST_S3_ENDPOINT      http://127.0.0.1:PORT of an S3 server that checks signatures; unset where it cannot be
#                                    installed from PyPI, and then the tests that need it say so and are left out
# and, to start servers of their own (to stop and kill them, which nobody else must feel):
#   CHATBRIDGE_TEST_REDIS_SERVER     path of the redis-server program
#   CHATBRIDGE_TEST_POSTGRES_BIN     folder of initdb, postgres, pg_ctl
#   CHATBRIDGE_TEST_POSTGRES_USER    whom to run them as (Postgres refuses root); empty: as oneself

# Swift Testing starts every test at once. On a small machine a few long ones then hold both threads of the pool while the
# others' waits run out; three a core keep it busy all the same.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH="${SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH:-$(($(nproc) * 3))}"

redis_pid=
postgres_pid=
s3_pid=
: "${root:?source common.sh first}"

# Sets `postgres_bin` to the folder of the newest server installed. Debian keeps it off PATH.
find_postgres() {
    local candidate newest=
    if [ -n "${CHATBRIDGE_TEST_POSTGRES_BIN:-}" ]; then
        newest=$CHATBRIDGE_TEST_POSTGRES_BIN
    else
        for candidate in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V); do
            [ ! -x "$candidate/postgres" ] || newest=$candidate
        done
        if [ -z "$newest" ] && command -v postgres >/dev/null && command -v initdb >/dev/null; then
            newest=$(dirname "$(command -v postgres)")
        fi
    fi
    [ -x "$newest/initdb" ] || die 'no PostgreSQL server found: scripts/install-packages test' 69
    postgres_bin=$newest
}

# Sets `redis_server` to the server program. Debian's redis-tools holds it under the name of its other use (checking a
# dump file); it looks at the name it is called by, and redis-server is but a link to it.
find_redis() {
    : "${temp:?call make_temp first}"
    redis_server=${CHATBRIDGE_TEST_REDIS_SERVER:-$(command -v redis-server || true)}
    if [ -z "$redis_server" ]; then
        command -v redis-check-rdb >/dev/null || die 'no redis-server found: scripts/install-packages test' 69
        mkdir -p "$temp/bin"
        ln -sf "$(command -v redis-check-rdb)" "$temp/bin/redis-server"
        redis_server=$temp/bin/redis-server
    fi
}

# await_server PID CHECK…: waits until the check succeeds. Fails when the process has ended (its port was
# taken by someone else, for instance) or after 30 s.
await_server() {
    local pid=$1 tries=300
    shift
    while ! "$@" >/dev/null 2>&1; do
        kill -0 "$pid" 2>/dev/null || return 1
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.1
    done
    # The check may have been answered by another server on that port, while ours was refused it.
    kill -0 "$pid" 2>/dev/null
}

# start_redis [OPTION]…: with further options of redis-server. Sets `redis_port`.
# `--pdeathsig` ends a server when this script is killed too hard for its trap to run.
# shellcheck disable=SC2120 # scripts/bench passes some
start_redis() {
    local attempt port
    find_redis
    mkdir -p "$temp/redis"
    for attempt in 1 2 3 4 5; do
        port=$(free_port)
        # A write is on disk within a second, as in production; nobody reads the dump file.
        setpriv --pdeathsig TERM "$redis_server" --bind 127.0.0.1 --port "$port" \
            --unixsocket "$temp/redis/socket" --unixsocketperm 700 --dir "$temp/redis" \
            --appendonly yes --save '' --daemonize no "$@" >"$temp/redis.log" 2>&1 </dev/null &
        redis_pid=$!
        if await_server "$redis_pid" redis-cli -h 127.0.0.1 -p "$port" ping; then
            # shellcheck disable=SC2034 # for the script that sources this
            redis_port=$port
            export CHATBRIDGE_TEST_REDIS_URL="redis://127.0.0.1:$port/0"
            export CHATBRIDGE_TEST_REDIS_SOCKET="$temp/redis/socket"
            export CHATBRIDGE_TEST_REDIS_SERVER="$redis_server"
            return 0
        fi
        end_process "$redis_pid"
        redis_pid=
        [ "$attempt" -lt 5 ] || cat "$temp/redis.log" >&2
    done
    die 'Redis did not start' 69
}

# start_postgres [OPTION]…: with further options of postgres; the last of a kind counts.
# shellcheck disable=SC2120 # scripts/bench-logger passes some
start_postgres() {
    local attempt port user='' as=() password
    find_postgres
    if [ "$(id -u)" -eq 0 ]; then
        # The distribution's package makes the user `postgres`; `nobody` will do elsewhere. No shell, no sudo.
        user=nobody
        ! id -u postgres >/dev/null 2>&1 || user=postgres
        as=("--reuid=$user" "--regid=$(id -g "$user")" --clear-groups)
    fi
    password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    mkdir -p "$temp/postgres"
    printf '%s\n' "$password" >"$temp/postgres/password"
    chmod 600 "$temp/postgres/password"
    [ -z "$user" ] || chown -R "$user" "$temp/postgres"
    # A password although it is loopback: the machine may have other users. In C.UTF-8, so that order and case do not
    # depend on the machine. --no-sync and fsync=off: a test's server is killed, its machine is not.
    if ! (cd "$temp/postgres" && setpriv "${as[@]}" "$postgres_bin/initdb" --pgdata=data --username=chatbridge \
        --pwfile=password --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-sync) \
        >"$temp/postgres.log" 2>&1; then
        cat "$temp/postgres.log" >&2
        die 'initdb failed' 69
    fi
    for attempt in 1 2 3 4 5; do
        port=$(free_port)
        setpriv --pdeathsig INT "${as[@]}" "$postgres_bin/postgres" -D "$temp/postgres/data" -p "$port" \
            -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c max_connections=200 \
            -c timezone=UTC "$@" >"$temp/postgres.log" 2>&1 </dev/null &
        postgres_pid=$!
        export PGPASSWORD=$password
        if await_server "$postgres_pid" "$postgres_bin/psql" -X -q -h 127.0.0.1 -p "$port" -U chatbridge -d postgres \
            -c 'CREATE DATABASE chatbridge'; then
            unset PGPASSWORD
            export CHATBRIDGE_TEST_DATABASE_URL="postgres://chatbridge:$password@127.0.0.1:$port/chatbridge"
            export CHATBRIDGE_TEST_POSTGRES_BIN="$postgres_bin"
            export CHATBRIDGE_TEST_POSTGRES_USER="$user"
            return 0
        fi
        unset PGPASSWORD
        end_process "$postgres_pid" INT
        postgres_pid=
        [ "$attempt" -lt 5 ] || cat "$temp/postgres.log" >&2
    done
    die 'Postgres did not start' 69
}

# python_environment NAME REQUIREMENTS: a virtual environment in .build/NAME with what the file asks for, made once for each
# change of it. Fails with a line on stderr where that cannot be had: no venv, no PyPI.
python_environment() {
    local folder=.build/$1 requirements=$2
    if cmp -s "$requirements" "$folder/installed"; then return 0; fi
    say "Installing $requirements into $folder …"
    rm -rf "$folder"
    mkdir -p .build
    if ! python3 -m venv "$folder" >"$folder.log" 2>&1; then
        say "python3 cannot make virtual environments: $(tail -n 1 "$folder.log")"
        return 1
    fi
    if ! "$folder/bin/python" -m pip install --disable-pip-version-check --no-input --quiet --requirement "$requirements" \
        >"$folder.log" 2>&1 </dev/null; then
        say "pip could not install $requirements: $(tail -n 1 "$folder.log")"
        return 1
    fi
    cp "$requirements" "$folder/installed"
}

# Starts the S3 server of the tests; where it cannot be installed, says so and leaves it out.
start_object_storage() {
    local attempt port
    if ! python_environment test-object-storage Tests/ObjectStorage/requirements.txt; then
        say 'No S3 server: the tests of object storage are left out.'
        return 0
    fi
    for attempt in 1 2 3 4 5; do
        port=$(free_port)
        setpriv --pdeathsig TERM "$root/.build/test-object-storage/bin/python" Tests/ObjectStorage/s3_server.py "$port" \
            CHATBRIDGETEST test/Secret+key=of40characters0123456789 >"$temp/s3.log" 2>&1 </dev/null &
        s3_pid=$!
        if await_server "$s3_pid" bash -c ": </dev/tcp/127.0.0.1/$port"; then
            export CHATBRIDGE_TEST_S3_ENDPOINT="http://127.0.0.1:$port"
            return 0
        fi
        end_process "$s3_pid"
        s3_pid=
        [ "$attempt" -lt 5 ] || cat "$temp/s3.log" >&2
    done
    die 'the S3 server did not start' 69
}

# Starts both and tells the tests where the shared platform fixtures are, when the folder is there.
start_services() {
    start_redis
    start_postgres
    if [ -d "$root/../shared" ]; then
        CHATBRIDGE_TEST_SHARED=${CHATBRIDGE_TEST_SHARED:-$(cd "$root/../shared" && pwd)}
        export CHATBRIDGE_TEST_SHARED
    fi
}

stop_services() {
    # INT is Postgres' fast stop: it does not wait for clients that a failed test left behind.
    [ -z "$postgres_pid" ] || end_process "$postgres_pid" INT
    [ -z "$redis_pid" ] || end_process "$redis_pid" TERM
    [ -z "$s3_pid" ] || end_process "$s3_pid" TERM
    postgres_pid=
    redis_pid=
    s3_pid=
}
