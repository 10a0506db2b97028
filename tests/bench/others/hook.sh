#!/usr/bin/env bash
# The same record kept with bash and jq: no lock, one append by the shell.

set -u
folder=$HEADCOUNT_DIR

alive() { # time of the last entry, pid
  (($1 > EPOCHSECONDS - 86400)) && kill -0 "$2" 2>/dev/null
}

# One line a session: time of the last entry, pid, state, id.
discover() {
  jq -rn '
    reduce (inputs | select(.timestamp // .start_time)) as $e ({};
      .[$e.session_id] = $e)
    | .[] | [(.timestamp // .start_time)[:19] + "Z", .pid // 0, .state // "idle",
             .session_id]
    | .[0] |= fromdate | @tsv' "$folder"/*.jsonl
}

beat() {
  kind=heartbeat state=busy
  case $event in
    Stop) kind=turn_close state=idle ;;
    SessionEnd) kind=session_close state=closed ;;
    Notification) state=idle ;;
  esac
  if [[ $kind == heartbeat ]]; then
    recent=$(tail -n 1 "$file" | jq -r --arg state "$state" '
      .state == $state and now - (.timestamp[:19] + "Z" | fromdate) < 60')
    [[ $recent != true ]] || return 0
  fi
  jq -cn --arg type "$kind" --arg id "$id" --arg event "$event" --arg state "$state" \
    --argjson pid "$PPID" '{type: $type, v: 1, id: (now | tostring), session_id: $id,
      timestamp: (now | todate), event: $event, state: $state, pid: $pid}' >>"$file"
}

start() {
  jq -c --argjson pid "$PPID" '{type: "session_metadata", v: 1, id: (now | tostring),
    session_id, timestamp: (now | todate), pid: $pid, cwd, tasks: []}' \
    <<<"$payload" >>"$file"
  day=$folder/archive/$(date -u +%F)
  mkdir -p "$day"
  dead=()
  while IFS=$'\t' read -r time pid _ session; do
    alive "$time" "$pid" || dead+=("$folder/$session.jsonl")
  done < <(discover)
  [[ ${#dead[@]} == 0 ]] || mv -t "$day" "${dead[@]}"
}

if [[ $1 == list ]]; then
  while IFS=$'\t' read -r time pid state session; do
    alive "$time" "$pid" || state=dead
    printf '%s %s\n' "$state" "$session"
  done < <(discover)
  exit
fi

payload=$(cat)
IFS=$'\t' read -r id event < <(jq -r '[.session_id, .hook_event_name] | @tsv' \
  <<<"$payload")
file=$folder/$id.jsonl
if [[ $event == SessionStart ]]; then start; else beat; fi
