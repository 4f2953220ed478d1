# shellcheck shell=bash disable=SC2154
# The cases of the file `cases`, in the words of stage.sh, mail.sh and rivals.sh. Each function makes one paired
# run on the mail $box, and records what emlfs took and what the other side did, if there is one.

record() { # EMLFS [OTHER]
  printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$case" "$box" "$against" "$goals" "$1" "${2-}" >>"$work/results"
}

# Nothing holds the word, so grep reads everything, and says 1, as rg does.
use() { # TOOL DIRECTORY
  case $1 in
    grep) run 1 grep -r no-message-holds-this "$2" ;;
    rg) run 1 rg --no-config --no-ignore --hidden no-message-holds-this "$2" ;;
    tar) run 0 tar -cf - -C "$2" . ;;
    find) run 0 find "$2" -type f -size +100k -newermt 2020-01-01 ;;
    ls) run 0 ls -lR "$2" ;;
  esac
}

timed_use() { # LINE TOOL DIRECTORY ; sets $result
  begin "$1"
  use "$2" "$3"
  taken
}

# A benchmark of something that doesn't work is worth nothing.
expect_messages() { # NUMBER DIRECTORY
  local here
  here=$(find "$2" -type f -name '*.eml' -printf x | wc -c)
  ((here == $1)) || fail "$here of $1 messages in $2"
}

remove_copies() { rm -rf "$work"/copy.*; }

against_mbsync() { # near|far
  local other
  remove_copies
  pull "$1"
  other=$result
  sync -f "$work" # writing back what the pull left is not emlfs's burden
  fresh_cache
  begin "$1-$box"
  mount_line "$1-$box"
  run 0 rsync -a "$mount_point/" "$work/copy.mount/"
  taken
  record "$result" "$other"
  expect_messages "${messages[$box]}" "$work/copy.mount"
  unmount
  remove_copies
}

against_wire() { # TOOL
  fresh_mount "far-$box"
  timed_use "far-$box" "$1" "$mount_point"
  record "$result" "time=$((${bytes[$box]} * 1000000 / size[rate])) down=${bytes[$box]}"
  unmount
}

first_ls() {
  local down directory=$mount_point/Flat${size[flat]}
  fresh_mount "near-$box" without=COMPRESS=DEFLATE
  measure "near-$box" 0 ls "$directory"
  down=${result#*down=} down=${down%% *}
  unmount
  fresh_mount "far-$box"
  measure "far-$box" 0 ls "$directory"
  record "$result" "time=$((down * 1000000 / size[rate] + 4000 * size[rtt])) down=$down trips=4"
  unmount
}

mount_and_list() { # MAILBOX ; sets $result
  begin "far-$box"
  mount_line "far-$box"
  run 0 ls -l "$mount_point/$1"
  taken
}

against_neomutt() { # first|again
  local mailbox=Flat${size[opened]} other
  fresh_cache
  rm -rf "$work/headers"
  mkdir "$work/headers"
  if [[ $1 == again ]]; then
    open_in_neomutt far "$mailbox" again
    mount_and_list "$mailbox"
    unmount
  fi
  open_in_neomutt far "$mailbox" "$1"
  other=$result
  mount_and_list "$mailbox"
  record "$result" "$other"
  expect_messages "${size[opened]}" "$mount_point/$mailbox"
  unmount
}

as_another_client() { # ACTION ARGUMENT...
  "$repository/tests/support/other_client.py" 127.0.0.1 "$(server_value "$box" imap)" tester \
    "$(<"$work/password")" "$@"
}

# From the moment when the mount command has returned, logging in being before it, until the changes are
# seen: the first answer may be what was known.
after_changes() {
  local mailbox=Flat${size[opened]} newest index
  fresh_mount "far-$box"
  run 0 ls "$mount_point/$mailbox"
  newest=$(sed 's/.*\.\([0-9]*\)\.eml$/\1/' "$work/out" | sort -n | tail -n 1)
  unmount
  for index in 1 2 3; do
    printf 'Subject: New mail %d\r\n\r\nHello.\r\n' "$index" | as_another_client deliver "$mailbox"
  done
  as_another_client flags "$mailbox" "$((newest - 8)):$((newest - 5))" "+\\Answered"
  as_another_client expunge "$mailbox" "$((newest - 2)):$newest"
  mount_line "far-$box"
  # shellcheck disable=SC2016
  measure "far-$box" 0 bash -c 'cd "$1"; until [[ -e $(echo *."$3".eml) && ! -e $(echo *."$2".eml) ]]; do :; done' - \
    "$mount_point/$mailbox" "$newest" "$((newest + 3))"
  record "$result"
  expect_messages "${size[opened]}" "$mount_point/$mailbox"
  unmount
}

# Counted in the same way.
head_of_large() { # remounted|selected
  local message
  fresh_mount "far-$box"
  run 0 ls "$mount_point/Large"
  message=$mount_point/Large/$(head -n 1 "$work/out")
  if [[ $1 == remounted ]]; then
    unmount
    mount_line "far-$box"
  fi
  measure "far-$box" 0 head -c 4096 "$message"
  record "$result"
  unmount
}
