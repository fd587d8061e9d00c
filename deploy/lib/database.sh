# For backup.sh and restore.sh: what DATABASE_URL says, and how the engine's own tools are told of it. Passwords go by files
# and the environment, never by an argument, which everybody on the machine can read.

fail() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

need() {
    local tool
    for tool; do command -v "$tool" >/dev/null || fail "$tool cannot be found"; done
}

# %41 is A, as in the URL's user, password and database.
decoded() {
    local text=${1//\\/\\\\}
    printf '%b' "${text//%/\\x}"
}

# Sets engine, and file or user, password, host, port, database and query.
read_url() {
    local url=${DATABASE_URL:-sqlite://${DATA_DIR:-data}/claudetools.db} rest account place
    case $url in
    sqlite://*) engine=sqlite ;;
    mysql://* | mariadb://*) engine=mariadb port=3306 ;;
    postgres://* | postgresql://*) engine=postgres port=5432 ;;
    *) fail "DATABASE_URL must begin with sqlite://, mysql:// or postgres://" ;;
    esac
    rest=${url#*://}
    query=''
    [[ $rest != *\?* ]] || query=${rest#*\?}
    rest=${rest%%\?*}
    if [[ $engine == sqlite ]]; then
        file=$(decoded "$rest")
        return
    fi
    [[ $rest == */?* ]] || fail "DATABASE_URL names no database"
    place=${rest%%/*} database=$(decoded "${rest#*/}")
    account=''
    [[ $place != *@* ]] || account=${place%@*} place=${place##*@}
    user=$(decoded "${account%%:*}") password=''
    [[ $account != *:* ]] || password=$(decoded "${account#*:}")
    host=$place
    [[ $place =~ ^(.*):([0-9]+)$ ]] && host=${BASH_REMATCH[1]} port=${BASH_REMATCH[2]}
    host=${host#[} host=${host%]}
    [[ $database =~ ^[A-Za-z0-9_.-]+$ ]] || fail "the name of the database may have letters, digits and _.- only"
}

# Sets mariadb_options; the file in it goes with the script's other temporary files.
mariadb_options() {
    local options=$scratch/my.cnf
    # In double quotes, where the tools take \ and " for themselves.
    local quoted=${password//\\/\\\\}
    quoted=${quoted//\"/\\\"}
    (umask 077 && printf '[client]\nhost="%s"\nport=%s\nuser="%s"\npassword="%s"\n' "$host" "$port" "$user" "$quoted" >"$options")
    local pair
    for pair in ${query//&/ }; do
        case $pair in
        ssl-mode=VERIFY_CA | ssl-mode=VERIFY_IDENTITY) echo 'ssl-verify-server-cert' >>"$options" ;;
        ssl-mode=REQUIRED) echo 'ssl' >>"$options" ;;
        ssl-ca=*) printf 'ssl-ca="%s"\n' "$(decoded "${pair#ssl-ca=}")" >>"$options" ;;
        esac
    done
    mariadb_options=(--defaults-extra-file="$options" --protocol=tcp --default-character-set=utf8mb4)
}

# Sets postgres_options and what the tools read from the environment.
postgres_options() {
    export PGPASSWORD=$password
    local pair
    for pair in ${query//&/ }; do
        case $pair in
        sslmode=*) export PGSSLMODE=${pair#sslmode=} ;;
        sslrootcert=*) PGSSLROOTCERT=$(decoded "${pair#sslrootcert=}") && export PGSSLROOTCERT ;;
        esac
    done
    postgres_options=(--host="$host" --port="$port" --no-password)
    [[ -z $user ]] || postgres_options+=(--username="$user")
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
