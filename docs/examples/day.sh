#!/usr/bin/env bash
# A technician's day over HTTP: two sessions for one project, 3.5 hours to bill.
#
#   BASE=http://127.0.0.1:8000 EMAIL=admin@claudetools.local PASSWORD=… docs/examples/day.sh
#
# The account must be an administrator's, because only those enter clients. Needs bash, curl and jq. Names bear a number of
# this run, so that it can be repeated on the same server. Ends with a non-zero code at the first answer whose status is not
# the one expected.
set -euo pipefail

: "${BASE:?the server, such as http://127.0.0.1:8000}"
: "${EMAIL:?the e-mail address of an administrator}"
: "${PASSWORD:?the password of that account}"
export EMAIL PASSWORD

API=$BASE/api/v1
RUN=$(date +%s)$$
DAY=2026-01-16
TOKEN=
SCRATCH=$(mktemp -d)
trap 'rm -rf "$SCRATCH"' EXIT

say() { printf '\n-- %s\n' "$*"; }

die() {
    printf 'day.sh: %s\n' "$*" >&2
    exit 1
}

# call STATUS METHOD PATH [BODY [HEADER…]] sends a request and demands that status. The answer's body is then in $SCRATCH/body,
# its headers in $SCRATCH/headers. The token and the body go in by files: arguments can be read by every user of the machine.
call() {
    local expected=$1 method=$2 path=$3 body=${4-} status
    local options=(--silent --show-error --max-time 30 --request "$method")
    options+=(--output "$SCRATCH/body" --dump-header "$SCRATCH/headers" --write-out '%{http_code}')
    shift $(($# < 4 ? $# : 4))
    local header
    for header in "$@"; do options+=(--header "$header"); done
    if [[ -n $TOKEN ]]; then
        printf 'Authorization: Bearer %s\n' "$TOKEN" >"$SCRATCH/token"
        options+=(--header "@$SCRATCH/token")
    fi
    if [[ -n $body ]]; then
        options+=(--header 'Content-Type: application/json' --data-binary @-)
    fi
    : >"$SCRATCH/body"
    status=$(printf '%s' "$body" | curl "${options[@]}" "$API$path") || die "$method $path: no answer from $BASE"
    printf '%s %s %s\n' "$status" "$method" "$path"
    if [[ $status != "$expected" ]]; then
        cat "$SCRATCH/body" >&2
        die "$method $path was answered $status instead of $expected"
    fi
}

# field FILTER prints what jq finds in the last answer; nothing there is an error.
field() { jq --exit-status --raw-output "$1" "$SCRATCH/body"; }

# header NAME prints a header of the last answer.
header() { tr -d '\r' <"$SCRATCH/headers" | awk -F': ' -v name="$1" 'tolower($1) == name { print $2 }'; }

# key NAME is an Idempotency-Key of this run: a request that is repeated under it is done once.
key() { printf 'Idempotency-Key: day-%s-%s' "$RUN" "$1"; }

say 'Log in'
call 200 POST /auth/token "$(jq -n '{email: env.EMAIL, password: env.PASSWORD, machine: "ACME-LAPTOP"}')"
TOKEN=$(field .access_token)
call 200 GET /auth/me
field '"as " + .subject'

say 'Register the machine, and find it again by its fingerprint'
FINGERPRINT=$(printf '%064x' "$RUN")
call 201 POST /machines "$(jq -n --arg fingerprint "$FINGERPRINT" '{
    hostname: "ACME-LAPTOP", machine_fingerprint: $fingerprint, platform: "linux", has_docker: true, preferred_shell: "bash"
}')" "$(key machine)"
MACHINE=$(field .id)
call 200 GET "/machines/$FINGERPRINT"

say 'Enter a client and a project'
call 201 POST /clients "$(jq -n --arg name "Acme Dental $RUN" '{
    name: $name, type: "msp_client", network_subnet: "10.20.0.0/16", hourly_rate: "125.00"
}')" "$(key client)"
CLIENT=$(field .id)
call 201 POST /projects "$(jq -n --arg client "$CLIENT" '{
    client_id: $client, name: "Office move", status: "active", estimated_hours: 12
}')" "$(key project)"
PROJECT=$(field .id)

say 'Morning: open a session at nine'
MORNING=$(jq -n --arg client "$CLIENT" --arg project "$PROJECT" --arg machine "$MACHINE" --arg day "$DAY" '{
    client_id: $client, project_id: $project, machine_id: $machine, session_date: $day,
    session_title: "Move the file server", start_time: ($day + "T09:00:00Z"), tags: ["windows", "dns"]
}')
call 201 POST /sessions "$MORNING" "$(key morning)"
SESSION=$(field .id)

say 'The answer was lost, say: the same request under the same key gets it again, and opens no second session'
call 201 POST /sessions "$MORNING" "$(key morning)"
[[ $(field .id) == "$SESSION" ]] || die 'the repeat opened another session'
[[ $(header idempotent-replayed) == true ]] || die 'the repeat was not marked as one'

say 'Log two work items'
call 201 POST /work-items "$(jq -n --arg session "$SESSION" '{
    session_id: $session, category: "infrastructure", title: "Copy the shares", status: "completed",
    actual_minutes: 90, affected_systems: ["FS01"]
}')" "$(key copy)"
call 201 POST /work-items "$(jq -n --arg session "$SESSION" '{
    session_id: $session, category: "troubleshooting", title: "Clients still find the old name", status: "in_progress"
}')" "$(key name)"
ITEM=$(field .id)

say 'A wrong request says all that is wrong with it'
call 400 POST /work-items "$(jq -n --arg session "$SESSION" '{session_id: $session, catgory: "security", status: "almost"}')"
field .error

say 'One that fits the schema but makes no sense is another error'
call 422 PUT "/sessions/$SESSION" "$(jq -n --arg day "$DAY" '{end_time: ($day + "T08:00:00Z")}')"
field .error

say 'Finish the work item, but only if nobody has changed it meanwhile'
call 200 GET "/work-items/$ITEM"
ETAG=$(header etag)
call 200 PUT "/work-items/$ITEM" '{"status": "completed", "actual_minutes": 40}' "If-Match: $ETAG"
call 412 PUT "/work-items/$ITEM" '{"status": "blocked"}' "If-Match: $ETAG"
field .error

say 'Note what is left to do'
call 201 POST /pending-tasks "$(jq -n --arg client "$CLIENT" --arg project "$PROJECT" '{
    client_id: $client, project_id: $project, title: "Switch the old server off", priority: "high", due_date: "2026-01-23"
}')" "$(key task)"

say 'The machine is still there'
call 204 POST "/machines/$MACHINE/heartbeat"

say 'Close the morning at ten past eleven: 130 minutes, billed as 2.25 hours'
call 200 PUT "/sessions/$SESSION" "$(jq -n --arg day "$DAY" '{
    status: "completed", end_time: ($day + "T11:10:00Z"), summary: "Shares moved, DNS alias set."
}')"
field '"\(.duration_minutes) minutes, \(.billable_hours) hours"'

say 'Afternoon: 13:00 to 14:05, entered in one piece: 65 minutes, billed as 1.25 hours'
call 201 POST /sessions "$(jq -n --arg client "$CLIENT" --arg project "$PROJECT" --arg machine "$MACHINE" --arg day "$DAY" '{
    client_id: $client, project_id: $project, machine_id: $machine, session_date: $day,
    session_title: "Show the staff the new shares", status: "completed",
    start_time: ($day + "T13:00:00Z"), end_time: ($day + "T14:05:00Z")
}')" "$(key afternoon)"
field '"\(.duration_minutes) minutes, \(.billable_hours) hours"'

say "The client's day"
call 200 GET "/sessions?client_id=$CLIENT&date_from=$DAY&date_to=$DAY"
field '.sessions[] | "\(.session_title): \(.billable_hours) h, \(.status)"'
printf '\nHours: %s\n' "$(field '[.sessions[].billable_hours] | add')"
