# shellcheck shell=bash disable=SC2154
# The cases in which everything is in the cache, beside the same files on a local disk.

# The kernel knows the files, but nothing of the mount.
remounted() { # TOOL
  local emlfs
  full_cache
  local_maildir
  use "$1" "$maildir"
  mount_line "near-$box"
  timed_use "near-$box" "$1" "$mount_point"
  emlfs=$result
  timed_use "near-$box" "$1" "$maildir"
  record "$emlfs" "$result"
  unmount
}

forget_files() { # the kernel
  sync
  echo 3 >/proc/sys/vm/drop_caches
}

# The kernel knows nothing of either side, the cache's own file included.
dropped() { # TOOL
  local emlfs
  [[ -w /proc/sys/vm/drop_caches ]] || { say "left out, for root only: $case"; return; }
  full_cache
  local_maildir
  mount_line "near-$box"
  forget_files
  timed_use "near-$box" "$1" "$mount_point"
  emlfs=$result
  forget_files
  timed_use "near-$box" "$1" "$maildir"
  record "$emlfs" "$result"
  unmount
}

# The requests are those for messages and listings; one for each directory's time is meant to be. The
# kernel forgets a file's time of access when it is first read, and asks for it once more: hence twice.
warm() { # TOOL
  local emlfs asked directories
  full_cache
  local_maildir
  mount_line "near-$box"
  use "$1" "$mount_point"
  use "$1" "$mount_point"
  use "$1" "$maildir"
  directories=$(find "$mount_point" -type d -printf x | wc -c)
  asked=$(requests)
  timed_use "near-$box" "$1" "$mount_point"
  asked=$(($(requests) - asked - directories))
  emlfs="$result asked=$(awk -v n=$((asked > 0 ? asked : 0)) -v m="${messages[$box]}" 'BEGIN { print n / m }')"
  timed_use "near-$box" "$1" "$maildir"
  record "$emlfs" "$result"
  unmount
}

rsync_again() {
  local emlfs
  full_cache
  local_maildir
  remove_copies
  mount_line "near-$box"
  run 0 rsync -a "$mount_point/" "$work/copy.mount/"
  run 0 rsync -a "$maildir/" "$work/copy.local/"
  measure "near-$box" 0 rsync -a "$mount_point/" "$work/copy.mount/"
  emlfs=$result
  measure "near-$box" 0 rsync -a "$maildir/" "$work/copy.local/"
  record "$emlfs" "$result"
  unmount
  remove_copies
}
