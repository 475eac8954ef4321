# shellcheck shell=bash
# What scripts/backup and scripts/restore share: DATABASE_URL taken apart, and the client programs. Sourced after common.sh.

# shellcheck disable=SC2034 # kind and path are for the script that sources this
# read_database_url: sets `kind` (postgres or sqlite); for SQLite `path`; for Postgres `url` without its password, which goes
# to PGPASSWORD: other users of the machine can read a program's arguments, and not its environment.
read_database_url() {
    local value=${DATABASE_URL:-} head tail user
    if [ -n "${DATABASE_URL_FILE:-}" ]; then
        [ -z "$value" ] || die 'DATABASE_URL and DATABASE_URL_FILE: both are set; keep one' 78
        [ -r "$DATABASE_URL_FILE" ] || die "DATABASE_URL_FILE: $DATABASE_URL_FILE cannot be read" 78
        value=$(cat "$DATABASE_URL_FILE")
    fi
    case $value in
        '') die 'DATABASE_URL is not set; postgres://user:password@host:port/database or sqlite:PATH is expected' 78 ;;
        sqlite:?*)
            kind=sqlite path=${value#sqlite:}
            return
            ;;
        postgres://* | postgresql://*) kind=postgres ;;
        *) die 'DATABASE_URL: postgres://user:password@host:port/database or sqlite:PATH is expected' 78 ;;
    esac
    url=$value
    case $url in
        *'?password='* | *'&password='*) die 'DATABASE_URL: put the password before the @, not behind a ?' 78 ;;
    esac
    head=${url#*://}
    head=${head%%/*}
    case $head in
        *:*@*)
            user=${head%%:*} tail=${head#*:}
            PGPASSWORD=$(percent_decoded "${tail%@*}")
            export PGPASSWORD
            url=${url%%://*}://$user@${head##*@}${url#*"$head"}
            ;;
    esac
    # A server that does not answer is an error, not a wait.
    export PGCONNECT_TIMEOUT=${PGCONNECT_TIMEOUT:-10}
}

# percent_decoded TEXT: as RFC 3986 writes it.
percent_decoded() {
    local text=${1//\\/\\\\}
    printf '%b' "${text//%/\\x}"
}

# find_client PROGRAM: sets `client` to the newest pg_dump or pg_restore (PG_BIN=FOLDER takes that one): Debian keeps each
# version in a folder of its own, and the one on PATH need not be the newest.
find_client() {
    local candidate
    if [ -n "${PG_BIN:-}" ]; then
        client=$PG_BIN/$1
    else
        client=$(command -v "$1" || true)
        for candidate in $(printf '%s\n' "/usr/lib/postgresql/"*"/bin/$1" | sort -V); do
            [ ! -x "$candidate" ] || client=$candidate
        done
    fi
    [ -x "$client" ] || die "$1 is not installed: apt-get install postgresql-client" 69
}

# ask SQL: the answer of the database of `url`, or the end of the script.
ask() {
    local answer
    command -v psql >/dev/null || die 'psql is not installed: apt-get install postgresql-client' 69
    if ! answer=$(psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$url" -c "$1" 2>&1); then
        die "the database cannot be used: $answer" 69
    fi
    printf '%s\n' "$answer"
}

# check_version: a client that is older than the server would write, or read, what it does not know.
check_version() {
    local server program
    server=$(ask "SELECT current_setting('server_version_num')::int / 10000")
    program=$("$client" --version | sed -n 's/^[^0-9]*\([0-9][0-9]*\).*/\1/p')
    if [ "${program:-0}" -lt "$server" ]; then
        die "$client is of version $program and the server of version $server, which it cannot dump: install
postgresql-client-$server, or name the folder of a newer one: PG_BIN=/usr/lib/postgresql/$server/bin" 69
    fi
}

# Runs the sqlite3 program on a file; $1 is the file, $2 the SQL. A file that is in use is waited for.
sqlite_run() {
    command -v sqlite3 >/dev/null || die 'sqlite3 is not installed: apt-get install sqlite3' 69
    sqlite3 -batch -bail -cmd '.timeout 10000' "$1" "$2"
}

# size_of FILE: as a person reads it.
size_of() { du -h --apparent-size "$1" | cut -f 1; }
