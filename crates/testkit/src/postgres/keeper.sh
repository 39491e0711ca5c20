# Keeps one private PostgreSQL cluster for a test process: does what it is told on standard input, one word a line,
# and answers each with `ok` or `failed`. At the end of its input, that is when the test process is gone in whatever
# way, it stops the server and removes the cluster's directory. It ignores what a terminal sends to stop the tests.
# Arguments: the directory of the server's programs, the cluster's directory, the superuser's name.
set -u
bin=$1
directory=$2
user=$3
data=$directory/data
log=$directory/server.log
server=
trap '' INT TERM HUP QUIT

init() {
    "$bin/initdb" -D "$data" -U "$user" --pwfile="$directory/password" --auth=password --encoding=UTF8 --locale=C \
        --no-sync </dev/null >>"$log" 2>&1 &&
        cat "$directory/settings" >>"$data/postgresql.conf"
}

# The server's lock file says so, and is this server's: one that was killed leaves its own behind.
is_ready() {
    [ "$(sed -n '1p;8p' "$data/postmaster.pid" 2>/dev/null | tr -s ' \n' ' ')" = "$server ready " ]
}

start() {
    [ -z "$server" ] || return 1
    "$bin/postgres" -D "$data" </dev/null >>"$log" 2>&1 &
    server=$!
    while ! is_ready; do
        if ! kill -0 "$server" 2>/dev/null; then
            server=
            return 1
        fi
        sleep 0.02
    done
}

# What `pg_ctl stop -m immediate` does: sessions are cut, nothing is written, the next start recovers from the log.
stop() {
    [ -n "$server" ] || return 1
    kill -QUIT "$server" 2>/dev/null
    wait "$server" 2>/dev/null
    server=
}

# Alive, and not merely waiting for somebody to collect its exit status.
is_running() {
    case "$(sed -n 's/^State:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null)" in
        '' | Z*) return 1 ;;
    esac
}

# As if the machine had lost power: the server and its children are killed before any of them can react.
kill9() {
    [ -n "$server" ] || return 1
    children=$(cat "/proc/$server/task/$server/children" 2>/dev/null || ps -o pid= --ppid "$server" 2>/dev/null)
    # shellcheck disable=SC2086 # one argument a child
    kill -KILL "$server" $children 2>/dev/null
    wait "$server" 2>/dev/null
    server=
    for child in $children; do
        while is_running "$child"; do sleep 0.02; done
    done
}

while read -r command; do
    case $command in
        init | start | stop | kill9) "$command" && echo ok || echo failed ;;
        *) echo failed ;;
    esac
done 2>>"$log"
[ -z "$server" ] || stop
rm -rf -- "$directory"
