# shellcheck shell=bash disable=SC2154,SC2034
# The sorts of mail, each on a server of its own with a near and a far line, made when a case first wants it.

declare -A size=(
  [sample]=3000 [largest]=25 [small]=500 [flat]=100000 [opened]=2500 [giant]=2048
  [fifth]=20000 [mailboxes]=5000 [huge]=1000000 [compared]=10000 [rtt]=50 [rate]=12500000
)
declare -A quick_size=(
  [sample]=300 [largest]=1 [small]=20 [flat]=5000 [opened]=500 [giant]=50
  [fifth]=1000 [mailboxes]=100 [huge]=20000 [compared]=2000
)
declare -A messages bytes # of the mail that is made

sample_mail() {
  python3 "$repository/tests/support/sample_mail.py" --out "$work/$box.mail" "$@" >/dev/null
}
many_mail() { python3 "$repository/tests/bench/many_mail.py" "$work/$box.mail" "$@"; }

make_sample() { sample_mail --messages "${size[sample]}" --largest "${size[largest]}"; }

make_small() {
  local index
  for index in {01..20}; do
    sample_mail --seed "$index" --flat "${size[small]}" --mailbox "Small$index"
  done
}

make_flat() {
  local count
  for count in "${size[flat]}" "${size[fifth]}" "${size[opened]}"; do
    sample_mail --flat "$count" --mailbox "Flat$count"
  done
  many_mail size 20 Large
  many_mail size 20 Large
}

make_giant() { many_mail size "${size[giant]}" Large; }
make_mailboxes() { many_mail mailboxes "${size[mailboxes]}"; }

make_huge() {
  many_mail messages "${size[huge]}" "Flat${size[huge]}"
  many_mail messages "${size[compared]}" "Flat${size[compared]}"
}

prepare_mail() { # of $box
  [[ -z ${messages[$box]-} ]] || return 0
  say "making mail: $box"
  "make_$box"
  read -r messages["$box"] bytes["$box"] < <(find "$work/$box.mail" -type f -path '*/cur/*' -printf '%s\n' |
    awk '{ sum += $1 } END { printf "%d %.0f\n", NR, sum }')
  start_server "$box"
  start_line "near-$box" "$box"
  start_line "far-$box" "$box" --rtt "${size[rtt]}" --rate "${size[rate]}"
  # The server makes indexes at the first access; neither side is to pay for it.
  fresh_mount "near-$box"
  run 0 ls -lR "$mount_point"
  unmount
  case $box in
    sample | small) pull near ;;
  esac
}

# The same mail as files, for the tools alone. Has the server's very bytes.
local_maildir() { # of $box
  maildir=$work/$box.local
  [[ -e $maildir ]] || cp -a "$work/$box.mail" "$maildir"
}

# The cache that holds all of $box; the near line's.
full_cache() {
  cache=$work/full-$box
  [[ ! -e $cache.cache ]] || return 0
  mount_line "near-$box"
  run 0 "$build/emlfs" fetch --quiet "$mount_point"
  unmount
}
