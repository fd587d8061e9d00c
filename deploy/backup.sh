#!/usr/bin/env bash
# Copies the database of DATABASE_URL into a new file while the server works. The copy is of one moment: what was committed
# before it is in it, what was committed after it is not.
#
#   DATABASE_URL=… deploy/backup.sh claudetools-2026-01-16.backup
#
# The file holds everything, password hashes too: keep it as you keep the database. The keys that sign tokens (data/jwt.keys
# or JWT_SECRET_KEY) and the vault's master keys (data/master.keys or MASTER_KEYS) are not in it; keep those apart. restore.sh reads it back.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib/database.sh
source "$here/lib/database.sh"

[[ $# == 1 && $1 != -* ]] || fail "usage: [DATABASE_URL=…] backup.sh FILE"
target=$1
[[ ! -e $target ]] || fail "$target is there already"
read_url
# Under another name until it is whole, so that nobody takes a half for a backup.
partial=$target.partial
trap 'rm -rf "$scratch" "$partial"' EXIT
umask 077

case $engine in
sqlite)
    need sqlite3
    [[ -f $file ]] || fail "there is no $file"
    sqlite3 -bail "$file" ".timeout 10000" ".backup '${partial//\'/\'\'}'"
    [[ $(sqlite3 "$partial" 'PRAGMA integrity_check') == ok ]] || fail "the copy is damaged, and so may be $file"
    ;;
mariadb)
    need mariadb-dump
    mariadb_options
    # One transaction that sees one moment; nobody is locked out meanwhile.
    mariadb-dump "${mariadb_options[@]}" --single-transaction --quick --skip-lock-tables --hex-blob --no-tablespaces "$database" >"$partial"
    tail -n 1 "$partial" | grep -q '^-- Dump completed' || fail "the dump is not whole"
    ;;
postgres)
    need pg_dump pg_restore
    postgres_options
    pg_dump "${postgres_options[@]}" --format=custom --no-owner --no-privileges --file="$partial" "$database"
    pg_restore --list "$partial" >/dev/null || fail "the dump is not whole"
    ;;
esac
sync "$partial"
mv "$partial" "$target"
echo "backed up to $target ($(stat -c %s "$target") bytes)"
