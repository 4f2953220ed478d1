# shellcheck shell=bash disable=SC2154
# The cases of what is large, or many at once.

# A message of the mailbox that grep comes to last, with grep at work on the whole tree or not.
cold_cat() { # alone|beside ; sets $result, empty if grep had come to its end
  local last message grep
  fresh_mount "far-$box"
  last=$(find "$mount_point" -mindepth 1 -maxdepth 1 -type d | tail -n 1)
  run 0 ls "$last"
  message=$last/$(tail -n 1 "$work/out")
  if [[ $1 == beside ]]; then
    # shellcheck disable=SC2016
    start bash -c 'grep -rc --line-buffered no-message-holds-this "$1" | { head -n 1 >"$2"; cat >"$3"; }' - \
      "$mount_point" "$work/first" /dev/null
    grep=$child
    read -r -t 60 _ <"$work/first" || fail "grep does not read"
  fi
  measure "far-$box" 0 cat "$message"
  if [[ $1 == beside ]]; then
    kill -- "-$grep" 2>/dev/null || result=""
    finish "$grep" 143 grep
  fi
  unmount
}

cat_beside_grep() {
  local alone
  [[ -p $work/first ]] || mkfifo "$work/first"
  cold_cat alone
  alone=$result
  cold_cat beside
  [[ -n $result ]] || { say "left out, grep was too quick: $case"; return; }
  record "$result" "$alone"
}

list_fresh() { # MESSAGES ; sets $result
  fresh_mount "near-$box"
  measure "near-$box" 0 ls "$mount_point/Flat$1"
  (($(wc -l <"$work/out") == $1)) || fail "$(wc -l <"$work/out") of $1 messages listed"
  result+=" memory=$(status_number rss_without_map_bytes)"
  unmount
}

listing() { # MESSAGES, LESS
  local other
  list_fresh "$2"
  other=$result
  list_fresh "$1"
  record "$result" "$other"
}

longest_pause() {
  local other=$mount_point/Flat${size[opened]}
  fresh_mount "near-$box"
  run 0 ls "$other"
  run 0 "$repository/tests/bench/longest_pause.py" "$other" ls "$mount_point/Flat${size[flat]}"
  record "time=$(<"$work/out")"
  unmount
}

# The same messages by one reader after the other, then by all at once; from all over the tree, so
# that nothing is read ahead.
many_readers() {
  local lanes emlfs
  for lanes in 100 1; do
    fresh_mount "near-$box"
    run 0 find "$mount_point" -name '*.eml' -fprint0 "$work/all"
    sort -z "$work/all" | sort -zR --random-source=/dev/zero >"$work/shuffled"
    head -zn 100 "$work/shuffled" >"$work/some"
    measure "near-$box" 0 xargs -0 -a "$work/some" -n 1 -P "$lanes" cat
    unmount
    [[ $lanes == 1 ]] || emlfs=$result
  done
  record "$emlfs" "$result"
}

end_of_giant() { # head|tail
  fresh_mount "near-$box"
  run 0 ls "$mount_point/Large"
  measure "near-$box" 0 "$1" -c 4096 "$mount_point/Large/$(<"$work/out")"
  (($(wc -c <"$work/out") == 4096)) || fail "$1: $(wc -c <"$work/out") bytes"
  record "$result"
  unmount
}

many_mailboxes() {
  fresh_cache
  begin "near-$box"
  mount_line "near-$box"
  run 0 ls -R "$mount_point"
  taken
  record "$result"
  expect_messages "${messages[$box]}" "$mount_point"
  unmount
}
