#!/usr/bin/env bash
# Reads a file of backup.sh back into the database of DATABASE_URL, which must be empty (for SQLite: must not exist), so that
# nothing can be overwritten by mistake. No server may be running on it. A server that is started on it afterwards brings an
# older schema up to its own; one that is older than the schema refuses to start.
#
#   DATABASE_URL=… deploy/restore.sh claudetools-2026-01-16.backup
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib/database.sh
source "$here/lib/database.sh"

[[ $# == 1 && $1 != -* ]] || fail "usage: [DATABASE_URL=…] restore.sh FILE"
source=$1
[[ -f $source ]] || fail "there is no $source"
read_url
umask 077

case $engine in
sqlite)
    need sqlite3
    for left in "$file" "$file-wal" "$file-shm"; do
        [[ ! -e $left ]] || fail "$left is there; move it away first, together with its -wal and -shm"
    done
    [[ $(sqlite3 "file:$source?mode=ro" 'PRAGMA integrity_check') == ok ]] || fail "$source is damaged or no backup of SQLite"
    mkdir -p "$(dirname "$file")"
    cp "$source" "$file.partial"
    sync "$file.partial"
    mv "$file.partial" "$file"
    ;;
mariadb)
    need mariadb
    mariadb_options
    tail -n 1 "$source" | grep -q '^-- Dump completed' || fail "$source is not whole or no backup of MariaDB"
    tables=$(mariadb "${mariadb_options[@]}" --batch --skip-column-names \
        --execute="SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '$database'")
    [[ $tables == 0 ]] || fail "the database $database is not empty"
    mariadb "${mariadb_options[@]}" "$database" <"$source"
    ;;
postgres)
    need psql pg_restore
    postgres_options
    pg_restore --list "$source" >/dev/null || fail "$source is not whole or no backup of PostgreSQL"
    tables=$(psql "${postgres_options[@]}" --no-psqlrc --tuples-only --no-align --dbname="$database" \
        --command="SELECT COUNT(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")
    [[ $tables == 0 ]] || fail "the database $database is not empty"
    # All or nothing.
    pg_restore "${postgres_options[@]}" --no-owner --no-privileges --exit-on-error --single-transaction \
        --dbname="$database" "$source"
    ;;
esac
echo "restored from $source"
