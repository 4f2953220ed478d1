# shellcheck shell=bash
# What a measurement stands on: servers, lines (proxies), the mount, mbsync, the stopwatch.
# Sourced by scripts/bench, which sets $repository, $build and $work and calls strike_stage at its end.

: "${repository:?}" "${build:?}" "${work:?}"
declare -A proxy_pid proxy_out proxy_port server_of
servers=() child="" alarm="" mount_point=$work/mount

fail() {
  echo "bench: $*" >&2
  exit 1
}

start_server() { # NAME, with its mail in $work/NAME.mail
  servers+=("$work/$1")
  "$repository/tests/support/dovecot" start "$work/$1" --mail "$work/$1.mail" >/dev/null
}

server_value() { # NAME VARIABLE
  (
    # shellcheck source=/dev/null
    source "$work/$1/env"
    printf '%s' "${!2}"
  )
}

# A line to a server: it counts, and delays and throttles as its options say.
start_line() { # LINE SERVER proxy-option...
  local line=$1 server=$2 fd greeting
  shift 2
  server_of[$line]=$server
  mkfifo "$work/$line.out"
  exec {fd}<>"$work/$line.out"
  proxy_out[$line]=$fd
  "$build/tests/emlfs-proxy" --to "127.0.0.1:$(server_value "$server" imaps)" "$@" >"$work/$line.out" &
  proxy_pid[$line]=$!
  read -r -t 10 greeting <&"$fd" || fail "the proxy did not start"
  proxy_port[$line]=${greeting//[^0-9]/}
}

# Starts counting at 0; $counts is what was counted until now.
turn_counter() { # LINE
  kill -USR2 "${proxy_pid[$1]}"
  read -r -t 10 counts <&"${proxy_out[$1]}" || fail "the proxy does not answer"
}

# The number with this name in $1, JSON in which the name is there once.
number() { # JSON NAME
  [[ $1 =~ \"$2\":\ *([0-9]+) ]] || fail "no $2 in: $1"
  echo "${BASH_REMATCH[1]}"
}

mounted() { grep -q " $mount_point fuse.emlfs " /proc/self/mounts; }

status_number() { # NAME ; 0 while nothing is mounted
  local status='"'$1'": 0'
  if mounted; then status=$("$build/emlfs" status --json "$mount_point"); fi
  number "$status" "$1"
}

# Runs a command and waits, so that a signal or the alarm ends it at once. Sets $took (µs).
run() { # HIGHEST_GOOD_STATUS COMMAND...
  local good=$1 start result=0
  shift
  # Not /dev/null: grep would stop at the first match.
  start=${EPOCHREALTIME/./}
  "$@" >"$work/out" 2>"$work/err" &
  child=$!
  wait -n "$child" "$alarm" || result=$?
  took=$((${EPOCHREALTIME/./} - start))
  kill -0 "$alarm" 2>/dev/null || fail "the time limit is reached, in: $*"
  child=""
  ((result <= good)) || fail "status $result of: $*: $(tail -n 3 "$work/err")"
}

# As run; also sets $result to "µs bytes_down commands round_trips" of this command on LINE.
measure() { # LINE HIGHEST_GOOD_STATUS COMMAND...
  local line=$1 before after down trips
  shift
  before=$(status_number commands)
  turn_counter "$line"
  run "$@"
  turn_counter "$line"
  after=$(status_number commands)
  down=$(number "$counts" to_client) trips=$(number "$counts" round_trips)
  result="$took $down $((after - before)) $trips"
}

fresh_cache() { rm -rf "$work/cache" "$work/state"; }

mount_command() { # LINE ; sets $command
  local server=${server_of[$1]}
  command=("$build/emlfs" mount "imaps://tester@localhost:${proxy_port[$1]}" "$mount_point" -o
    "ca_file=$work/$server/tls/ca.pem,password_file=$work/password,cache_dir=$work/cache,state_dir=$work/state")
}

mount_line() { # LINE
  local command
  mount_command "$1"
  run 0 "${command[@]}"
}

unmount() { "$build/emlfs" umount "$mount_point"; }

# mbsync at its fastest: it pipelines, doesn't fsync each file, and doesn't have Dovecot compress (which
# costs more time at these rates than it saves: 15 s instead of 3 for 130 MB on a near line).
pull_command() { # LINE ; sets $command, and empties the Maildir
  local server=${server_of[$1]}
  rm -rf "$work/maildir" "$work/mbsync"
  mkdir "$work/maildir" "$work/mbsync"
  cat >"$work/mbsyncrc" <<END
FSync no
IMAPStore server
Host localhost
Port ${proxy_port[$1]}
User tester
PassCmd "cat $work/password"
SSLType IMAPS
CertificateFile $work/$server/tls/ca.pem
DisableExtension COMPRESS=DEFLATE

MaildirStore local
Path $work/maildir/
Inbox $work/maildir/INBOX
SubFolders Verbatim

Channel all
Far :server:
Near :local:
Patterns *
Create Near
Sync Pull
SyncState $work/mbsync/
END
  command=(mbsync -qq -c "$work/mbsyncrc" -a)
}

# Whatever stands, at any moment, goes; nothing else does.
strike_stage() {
  local server pid
  # The lines go first: mbsync ends with grace otherwise, and that takes as long as its answers.
  for pid in $child "${proxy_pid[@]}" $alarm; do
    kill "$pid" 2>/dev/null || true
  done
  wait
  ! mounted || unmount || echo "bench: $mount_point is still mounted" >&2
  for server in "${servers[@]}"; do
    [[ ! -e $server/pid ]] || "$repository/tests/support/dovecot" stop "$server" || true
  done
  mounted || rm -rf "$work"
}
