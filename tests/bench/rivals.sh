# shellcheck shell=bash disable=SC2154
# What people use instead.

# mbsync at its fastest: it pipelines, doesn't fsync each file, and doesn't have Dovecot compress (which
# costs more time at these rates than it saves: 15 s instead of 3 for 130 MB on a near line).
pull() { # near|far ; everything of $box into an empty Maildir; sets $result
  rm -rf "$work/pulled" "$work/mbsync"
  mkdir "$work/pulled" "$work/mbsync"
  cat >"$work/mbsyncrc" <<END
FSync no
IMAPStore server
Host localhost
Port ${proxy_port[$1-$box]}
User tester
PassCmd "cat $work/password"
SSLType IMAPS
CertificateFile $work/$box/tls/ca.pem
DisableExtension COMPRESS=DEFLATE

MaildirStore local
Path $work/pulled/
Inbox $work/pulled/INBOX
SubFolders Verbatim

Channel all
Far :server:
Near :local:
Patterns *
Create Near
Sync Pull
SyncState $work/mbsync/
END
  measure "$1-$box" 0 mbsync -qq -c "$work/mbsyncrc" -a
}

# neomutt opens a mailbox and ends as soon as it shows its messages, without its pauses for a reader and
# without changing anything. Its header cache is $work/headers.
open_in_neomutt() { # near|far MAILBOX first|again ; sets $result
  local account=imaps://localhost:${proxy_port[$1-$box]}/
  cat >"$work/neomuttrc" <<END
set imap_user = "tester"
set imap_pass = "$(<"$work/password")"
set ssl_starttls = no
set ssl_ca_certificates_file = "$work/$box/tls/ca.pem"
set certificate_file = "$work/certificates"
set imap_condstore = yes
set imap_qresync = yes
set folder = "$account"
set spoolfile = "$account"
set record = ""
set quit = yes
set mark_old = no
set sleep_time = 0
set sort = mailbox-order
$([[ $3 == first ]] || echo "set header_cache = \"$work/headers/\"")
END
  measure "$1-$box" 0 script -qec \
    "env TERM=xterm neomutt -n -F '$work/neomuttrc' -f '$account$2' -e 'push <exit>'" /dev/null
  # It ends well, too, where it could show nothing.
  grep -q 'Status report' "$work/out" || fail "neomutt did not open $2"
}
