#!/usr/bin/env bash
# Two replicas, a balancer and MariaDB on this machine, without containers: to try several replicas, and for the tests that
# kill them. Everything listens on loopback and ends with this script (Ctrl-C or SIGTERM).
#
#   cargo build --release && deploy/replicas.sh
#
# A replica that ends is started again, as systemd or Kubernetes would; its process is in DIRECTORY/replica-N.pid. What the
# server is configured by stands in the environment and is passed on. Needs mariadb-server and haproxy.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
program=${CLAUDETOOLS:-$here/../target/release/claudetools}
directory=${DIRECTORY:-data/replicas}
proxy_port=${PROXY_PORT:-8000}
read -r -a replica_ports <<<"${REPLICA_PORTS:-8001 8002}"
mariadb_port=${MARIADB_PORT:-8306}
patience=${PATIENCE:-60}
PATH=$PATH:/usr/sbin:/usr/local/sbin

for needed in "$program" mariadbd mariadb-install-db mariadb-admin haproxy; do
    command -v "$needed" >/dev/null || { echo "replicas.sh: $needed cannot be found" >&2; exit 1; }
done
mkdir -p "$directory"
chmod 700 "$directory"
directory=$(cd "$directory" && pwd)
program=$(command -v "$program")
[[ $program == /* ]] || program=$PWD/$program

# What was started, to be ended in the opposite order: nobody is to lose what he stands on.
supervisors=()
mariadb='' haproxy=''
stop() {
    trap - EXIT TERM INT
    [[ -z $haproxy ]] || { kill "$haproxy" 2>/dev/null; wait "$haproxy" 2>/dev/null; } || true
    for supervisor in "${supervisors[@]}"; do kill "$supervisor" 2>/dev/null || true; done
    for supervisor in "${supervisors[@]}"; do wait "$supervisor" 2>/dev/null || true; done
    [[ -z $mariadb ]] || { kill "$mariadb" 2>/dev/null; wait "$mariadb" 2>/dev/null; } || true
}
trap stop EXIT
trap 'exit 0' TERM INT

# Waits until a command succeeds, PATIENCE seconds at the most.
until_it_does() {
    local what=$1 until=$((SECONDS + patience))
    shift
    while ((SECONDS < until)); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    echo "replicas.sh: $what did not come about; the last that each part had to say:" >&2
    tail -n 15 "$directory"/*.log >&2
    exit 1
}

as_root=()
[[ $(id -u) != 0 ]] || as_root=(--user=root)
data=$directory/mariadb
if [[ ! -d $data ]]; then
    mariadb-install-db --no-defaults --datadir="$data" --auth-root-authentication-method=normal --skip-test-db \
        "${as_root[@]}" >/dev/null
fi
cat >"$directory/init.sql" <<SQL
CREATE DATABASE IF NOT EXISTS claudetools;
CREATE USER IF NOT EXISTS claudetools@'127.0.0.1' IDENTIFIED BY 'claudetools';
GRANT ALL ON claudetools.* TO claudetools@'127.0.0.1';
SQL
mariadbd --no-defaults --datadir="$data" --socket="$directory/mariadb.sock" --port="$mariadb_port" \
    --bind-address=127.0.0.1 --skip-name-resolve --init-file="$directory/init.sql" "${as_root[@]}" \
    >"$directory/mariadb.log" 2>&1 &
mariadb=$!
until_it_does "a database that answers" mariadb-admin --no-defaults --protocol=tcp --host=127.0.0.1 --port="$mariadb_port" \
    --user=claudetools --password=claudetools ping

# The same keys for all: what one replica signs the others take, what one seals the others open.
for key in jwt master; do
    [[ -f $directory/$key.key ]] || (umask 077 && "$program" keys generate >"$directory/$key.key")
done
JWT_SECRET_KEY=${JWT_SECRET_KEY:-$(<"$directory/jwt.key")}
MASTER_KEYS=${MASTER_KEYS:-shared:$(<"$directory/master.key")}
export JWT_SECRET_KEY MASTER_KEYS
export DATABASE_URL=mysql://claudetools:claudetools@127.0.0.1:$mariadb_port/claudetools
export BEHIND_TLS_PROXY=true TRUSTED_PROXIES=127.0.0.1

# Runs a replica, and runs it again when it ends.
replica() {
    local number=$1 port=$2 process='' ending=''
    trap 'ending=yes; [[ -z $process ]] || kill "$process" 2>/dev/null || true' TERM
    cd "$directory"
    while [[ -z $ending ]]; do
        DATA_DIR=$directory/replica-$number PORT=$port "$program" serve >>"replica-$number.log" 2>&1 &
        process=$!
        echo "$process" >"replica-$number.pid.new"
        mv "replica-$number.pid.new" "replica-$number.pid"
        # A signal ends the first wait, not the replica.
        wait "$process" || true
        while kill -0 "$process" 2>/dev/null; do wait "$process" || true; done
        [[ -n $ending ]] || { echo "replica $number ended, starting it again" && sleep 0.2; }
    done
}
for index in 0 1; do
    replica "$((index + 1))" "${replica_ports[index]}" &
    supervisors+=("$!")
done

export PROXY_BIND=127.0.0.1:$proxy_port
export REPLICA_1=127.0.0.1:${replica_ports[0]} REPLICA_2=127.0.0.1:${replica_ports[1]}
haproxy -db -f "$here/haproxy/haproxy.cfg" >"$directory/haproxy.log" 2>&1 &
haproxy=$!
for port in "${replica_ports[@]}" "$proxy_port"; do
    until_it_does "readiness on port $port" "$program" health --url "http://127.0.0.1:$port/readyz"
done
echo "replicas: http://127.0.0.1:${replica_ports[0]} http://127.0.0.1:${replica_ports[1]}"
echo "logs, keys and data: $directory"
echo "ready: http://127.0.0.1:$proxy_port"
wait
