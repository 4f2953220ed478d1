# shellcheck shell=bash disable=SC2154,SC2034
# Runs programs, and measures what they take on a line.

declare -A running # by process group
alarm=""

# Starts counting at 0; $counts is what was counted until now.
turn_counter() { # LINE
  kill -USR2 "${proxy_pid[$1]}"
  read -r -t 10 counts <&"${proxy_out[$1]}" || fail "the proxy does not answer"
}

# In a process group of its own, so that all of it can be ended; $child is its leader.
start() { # COMMAND...
  set -m
  # Not into /dev/null, for which grep and tar read nothing; neomutt wants an input without an end.
  "$@" >"$work/out" 2>"$work/err" <&"$silence" &
  child=$!
  set +m
  running[$child]=$child
}

# Waits so that a signal or the alarm ends it at once.
finish() { # PID HIGHEST_GOOD_STATUS WHAT
  local result=0
  wait -n "$1" "$alarm" || result=$?
  kill -0 "$alarm" 2>/dev/null || fail "the time limit is reached, in: $3"
  unset "running[$1]"
  ((result <= $2)) || fail "status $result of: $3: $(tail -n 3 "$work/err")"
}

run() { # HIGHEST_GOOD_STATUS COMMAND...
  local good=$1
  shift
  start "$@"
  finish "$child" "$good" "$*"
}

# The stopwatch: what happens on LINE between begin and taken. $result is then
# "time=µs down=bytes trips=round trips", as the proxy counts them: over all connections.
begin() { # LINE
  watched=$1
  turn_counter "$watched"
  began=${EPOCHREALTIME/./}
}

taken() {
  local took=$((${EPOCHREALTIME/./} - began))
  turn_counter "$watched"
  result="time=$took down=$(number "$counts" to_client) trips=$(number "$counts" round_trips)"
}

measure() { # LINE HIGHEST_GOOD_STATUS COMMAND...
  begin "$1"
  run "${@:2}"
  taken
}
