# shellcheck shell=bash disable=SC2154
# The cases, in the words of stage.sh. Each adds lines to $work/results: case, line, emlfs, other (tabs between), where emlfs and
# other are "µs bytes_down commands round_trips"; other is empty where nothing is compared.

record() { printf '%s\t%s\t%s\t%s\n' "$@" >>"$work/results"; }

# The sum of two results, number by number.
plus() {
  local -a a b
  read -ra a <<<"$1"
  read -ra b <<<"$2"
  echo "$((a[0] + b[0])) $((a[1] + b[1])) $((a[2] + b[2])) $((a[3] + b[3]))"
}

# One of the tools, on a directory; sets $command and the highest exit status that is good. Nothing
# holds the word, so grep reads everything, and says 1. rsync copies into COPY.
tool_command() { # TOOL DIRECTORY COPY
  good=0
  case $1 in
    "grep -r") command=(grep -r no-message-holds-this "$2") good=1 ;;
    "rsync -a") command=(rsync -a "$2/" "$3/") ;;
    "ls -lR") command=(ls -lR "$2") ;;
  esac
}

use() { # LINE TOOL DIRECTORY COPY ; sets $result
  local command good
  tool_command "$2" "$3" "$4"
  measure "$1" "$good" "${command[@]}"
}

on_mount() { use "$1" "$2" "$mount_point" "$work/copy.mount"; }
on_maildir() { use "$1" "$2" "$work/maildir" "$work/copy.maildir"; }
remove_copies() { rm -rf "$work/copy.mount" "$work/copy.maildir"; }

fresh_mount() { # LINE ; sets $result
  local command
  fresh_cache
  mount_command "$1"
  measure "$1" 0 "${command[@]}"
}

pull() { # LINE ; sets $pulled
  local command
  pull_command "$1"
  measure "$1" 0 "${command[@]}"
  pulled=$result
}

pair_on() { # CASE LINE TOOL
  local emlfs
  on_mount "$2" "$3"
  emlfs=$result
  on_maildir "$2" "$3"
  record "$1" "$2" "$emlfs" "$result"
}

# A benchmark of something that doesn't work is worth nothing.
expect_all_messages() { # SERVER DIRECTORY
  local there here
  there=$(find "$work/$1.mail" -type f -path '*/cur/*' -printf x | wc -c)
  here=$(find "$2" -type f -name '*.eml' -printf x | wc -c)
  ((there == here)) || fail "$here of $there messages arrived"
}

# Nothing is there yet: with emlfs one mounts and reads, with mbsync one pulls everything first.
first_message() { # LINE
  local emlfs
  fresh_mount "$1"
  emlfs=$result
  # shellcheck disable=SC2016
  measure "$1" 0 bash -c 'cat "$1/$(ls "$1" | tail -n 1)"' - "$mount_point/INBOX"
  record "mount, ls INBOX, cat the newest / mbsync pull" "$1" "$(plus "$emlfs" "$result")" "$pulled"
  unmount
}

tool_cases() { # LINE TOOL REPEATS
  local line=$1 tool=$2 cold emlfs repeat
  remove_copies
  fresh_mount "$line"
  cold=$result
  on_mount "$line" "$tool"
  cold=$(plus "$cold" "$result")
  on_maildir "$line" "$tool"
  record "cold: mount + $tool / mbsync pull" "$line" "$cold" "$pulled"
  record "cold: mount + $tool / mbsync pull + $tool" "$line" "$cold" "$(plus "$pulled" "$result")"

  if [[ $tool == "rsync -a" ]]; then
    expect_all_messages "${server_of[$line]}" "$work/copy.mount"
    for ((repeat = 0; repeat < 3; ++repeat)); do
      pair_on "again, nothing changed: rsync -a" "$line" "$tool"
    done
  fi
  for ((repeat = 0; repeat < $3; ++repeat)); do
    remove_copies
    pair_on "warm: $tool" "$line" "$tool"
  done

  unmount
  mount_line "$line"
  remove_copies
  pair_on "cached, kernel cold: $tool" "$line" "$tool"
  unmount
  remove_copies
}

# One paired run: both sides in turns, on one line.
sample_run() { # LINE
  pull "$1"
  sync -f "$work"  # writing back what the pull left is not emlfs's burden
  first_message "$1"
  tool_cases "$1" "grep -r" 3
  tool_cases "$1" "rsync -a" 1
  tool_cases "$1" "ls -lR" 3
}

# The second result is of a mailbox with a fifth of the messages.
large_mailbox() { # LINE SMALL LARGE
  local count listed=() memory=()
  for count in "$3" "$2"; do
    fresh_mount "$1"
    measure "$1" 0 ls "$mount_point/Flat$count"
    (($(wc -l <"$work/out") == count)) || fail "Flat$count: $(wc -l <"$work/out") messages listed"
    listed+=("$result")
    memory+=("$(status_number rss_without_map_bytes)")
    unmount
  done
  record "first ls of $3 messages / of $2 (linear: $(($3 / $2)))" "$1" "${listed[@]}"
  record "daemon's memory after it, MiB" "$1" "$((memory[0] * 1000000 / 1048576)) 0 0 0" \
    "$((memory[1] * 1000000 / 1048576)) 0 0 0"
}

head_of_large() { # LINE
  fresh_mount "$1"
  run 0 ls "$mount_point/Large"
  measure "$1" 0 head -c 4096 "$mount_point/Large/$(<"$work/out")"
  record "head -c 4k of a 20 MB message" "$1" "$result" ""
  unmount
}
