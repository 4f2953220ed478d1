# shellcheck shell=bash disable=SC2154,SC2034
# What a measurement stands on: servers, lines (proxies), the mount.
# Sourced by scripts/bench, which sets $repository, $build and $work and calls strike_stage at its end.

: "${repository:?}" "${build:?}" "${work:?}"
declare -A proxy_pid proxy_out proxy_port
servers=() mount_point=$work/mount

fail() {
  echo "bench: $*" >&2
  exit 1
}

start_server() { # NAME, with its mail in $work/NAME.mail
  servers+=("$work/$1")
  # A mailbox of a million messages needs more than the usual 256 MiB.
  "$repository/tests/support/dovecot" start "$work/$1" --mail "$work/$1.mail" \
    --set "default_vsz_limit = 4G" >/dev/null
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
  mkfifo "$work/$line.out"
  exec {fd}<>"$work/$line.out"
  proxy_out[$line]=$fd
  "$build/tests/emlfs-proxy" --to "127.0.0.1:$(server_value "$server" imaps)" "$@" \
    >"$work/$line.out" </dev/null &
  proxy_pid[$line]=$!
  read -r -t 10 greeting <&"$fd" || fail "the proxy did not start"
  proxy_port[$line]=${greeting//[^0-9]/}
}

# The number with this name in $1, JSON in which it is the first of that name.
number() { # JSON NAME
  [[ $1 =~ \"$2\":\ *([0-9]+) ]] || fail "no $2 in: $1"
  echo "${BASH_REMATCH[1]}"
}

mounted() { grep -q " $mount_point fuse.emlfs " /proc/self/mounts; }

status_number() { # NAME
  number "$("$build/emlfs" status --json "$mount_point")" "$1"
}

# How often the kernel has asked for messages or listings.
requests() {
  local status sum=0 name
  status=$("$build/emlfs" status --json "$mount_point")
  for name in lookup getattr readdir read; do sum=$((sum + $(number "$status" "$name"))); done
  echo "$sum"
}

# The cache that is mounted next: one of its own for each line, since it belongs to an account.
fresh_cache() {
  cache=$work/fresh
  rm -rf "$cache".*
}

mount_line() { # LINE [OPTION,...]
  local options=ca_file=$work/${1#*-}/tls/ca.pem,password_file=$work/password
  options+=,cache_dir=$cache.cache,state_dir=$cache.state${2:+,$2}
  run 0 "$build/emlfs" mount "imaps://tester@localhost:${proxy_port[$1]}" "$mount_point" -o "$options"
}

fresh_mount() { # LINE [OPTION,...]
  fresh_cache
  mount_line "$@"
}

# Something else on the machine, such as a new namespace, may hold the mount for longer than umount waits.
unmount() {
  local daemon
  daemon=$(status_number pid)
  "$build/emlfs" umount "$mount_point" || run 0 tail --pid="$daemon" -f /dev/null
}

# Whatever stands, at any moment, goes; nothing else does.
strike_stage() {
  local server pid
  # The lines go first: mbsync ends with grace otherwise, and that takes as long as its answers.
  for pid in "${proxy_pid[@]}" $alarm; do kill "$pid" 2>/dev/null || true; done
  for pid in "${running[@]}"; do kill -- "-$pid" 2>/dev/null || true; done
  wait
  if mounted; then
    pid=$(status_number pid)
    "$build/emlfs" umount --now "$mount_point" || kill -KILL "$pid" || true
  fi
  for server in "${servers[@]}"; do
    [[ ! -e $server/pid ]] || "$repository/tests/support/dovecot" stop "$server" || true
  done
  mounted || rm -rf "$work"
}
