# shellcheck shell=bash disable=SC2034
# What the scripts that start a throwaway Courier or Cyrus have in common. Such a script defines
# usage, parse_options, prepare (writes the configuration) and serve (starts the server by launch),
# and calls main.

# Where scripts/deps unpacked them.
servers=$(realpath "${BASH_SOURCE[0]%/*}/../..")/build/servers
address=127.0.0.1

fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# Exit status of a server that can't run here by no fault of its own: tests are skipped.
cannot_run_here() {
  echo "${0##*/}: $*" >&2
  exit 77
}

# Writes ca.pem, and server.pem with the key first, as GnuTLS and OpenSSL both take it.
make_certificate() {
  local tls=$dir/tls
  mkdir -p "$tls"
  (
    umask 077
    openssl ecparam -name prime256v1 -genkey -noout -out "$tls/ca.key"
    openssl ecparam -name prime256v1 -genkey -noout -out "$tls/server.key"
    openssl req -x509 -new -key "$tls/ca.key" -subj "/CN=emlfs test CA" -days 3650 \
      -out "$tls/ca.pem"
    openssl req -new -key "$tls/server.key" -subj "/CN=emlfs test server" -out "$tls/server.csr"
    openssl x509 -req -in "$tls/server.csr" -CA "$tls/ca.pem" -CAkey "$tls/ca.key" \
      -CAcreateserial -days 3650 -out "$tls/server.crt" \
      -extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1") 2>>"$dir/log"
    cat "$tls/server.key" "$tls/server.crt" >"$tls/server.pem"
  )
}

# Two ports below the range that the kernel gives to outgoing connections, so that a restart finds
# them free again.
free_ports() {
  python3 - "$address" <<'END'
import random, socket, sys
def free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((sys.argv[1], port))
        except OSError:
            return False
    return True
low = int(open("/proc/sys/net/ipv4/ip_local_port_range").read().split()[0])
top = low if low > 12000 else 65536
chosen = set()
while len(chosen) < 2:
    port = random.SystemRandom().randrange(10240, top)
    if free(port):
        chosen.add(port)
print(*chosen)
END
}

write_env() {
  {
    local name
    for name in address imap imaps user password separator prefix; do
      printf '%s=%q\n' "$name" "${!name}"
    done
    printf 'ca_file=%q\nlog=%q\n' "$dir/tls/ca.pem" "$dir/log"
  } >"$dir/env"
}

# True when the server answers on both ports, and it is ours: the greeting holds $1.
greets() {
  local line
  {
    exec 3<>"/dev/tcp/$address/$imaps" && exec 3<>"/dev/tcp/$address/$imap" &&
      IFS= read -r -t 5 line <&3 && [[ $line == "* OK "*"$1"* ]]
  } 2>/dev/null
  local answer=$?
  exec 3>&- || true
  return $answer
}

# Starts a command in a session of its own and waits until it greets; 1 if it ended at once. The
# directory is one of its words: stop knows the process by that.
launch() { # GREETING COMMAND...
  local greeting=$1 deadline=$((SECONDS + 30)) pid
  shift
  setsid "$@" </dev/null >>"$dir/log" 2>&1 &
  pid=$!
  echo "$pid" >"$dir/pid"
  while ! greets "$greeting"; do
    kill -0 "$pid" 2>/dev/null || return 1
    ((SECONDS < deadline)) || fail "no answer on port $imap after 30 s, see $dir/log"
    sleep 0.02
  done
}

# Signals the server and waits for the end of its every process, without polling. What hasn't ended
# after a second is killed.
stop() {
  local signal=TERM
  case ${1-} in
    --kill) signal=KILL ;;
    "") ;;
    *) usage ;;
  esac
  [[ -e $dir/pid ]] || fail "$dir holds no running server"
  python3 - "$(<"$dir/pid")" "$signal" "$dir" <<'END'
import os, select, signal, sys, time
leader, directory = int(sys.argv[1]), sys.argv[3]
sig = getattr(signal, "SIG" + sys.argv[2])

def members():
    """pidfds of the processes of the server's session."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = open(f"/proc/{entry}/stat").read().rpartition(")")[2].split()
            if int(fields[3]) == leader and fields[0] != "Z":
                found.append(os.pidfd_open(int(entry)))
        except (OSError, ValueError):
            pass
    return found

def wait(descriptors, deadline):
    for fd in descriptors:
        if not select.select([fd], [], [], max(0, deadline - time.monotonic()))[0]:
            return False
    return True

try:
    command = open(f"/proc/{leader}/cmdline", "rb").read().decode()
except OSError:
    command = ""
if command and directory not in command:
    sys.exit(0)  # ended long ago, and another program has its number
deadline = time.monotonic() + 1
while alive := members():
    for fd in alive:
        try:
            signal.pidfd_send_signal(fd, sig)
        except ProcessLookupError:
            pass
    if not wait(alive, deadline):
        sig, deadline = signal.SIGKILL, time.monotonic() + 10
END
  rm -f "$dir/pid"
}

start() {
  parse_options "$@"
  [[ ! -e $dir/pid ]] || fail "$dir holds a running server"
  mkdir -p "$dir"
  : >>"$dir/log"
  make_certificate
  local attempt
  for attempt in 1 2 3; do
    read -r imap imaps < <(free_ports)
    write_env
    prepare
    if serve; then
      cat "$dir/env"
      return
    fi
    stop --kill
  done
  tail -n 20 "$dir/log" >&2
  fail "did not start (attempt $attempt)"
}

restart() {
  [[ -e $dir/env ]] || fail "$dir was never started"
  [[ ! -e $dir/pid ]] || stop
  # shellcheck source=/dev/null
  . "$dir/env"
  serve || fail "did not start again: $(tail -n 20 "$dir/log")"
}

main() {
  (($# >= 2)) || usage
  local command=$1
  dir=$(realpath -m "$2")
  shift 2
  case $command in
    start) start "$@" ;;
    stop) stop "$@" ;;
    restart) restart ;;
    *) usage ;;
  esac
}
