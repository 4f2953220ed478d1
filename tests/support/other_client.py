#!/usr/bin/env python3
"""Changes mail as another client does, over IMAP: one action, or a Maildir's content.

usage: other_client.py HOST PORT USER PASSWORD ACTION ARGUMENT...

  deliver MAILBOX           the message on standard input; the mailbox is made if it is missing
  flags MAILBOX UIDS +FLAGS|-FLAGS
  expunge MAILBOX UIDS      these and no others
  move MAILBOX UIDS TO
  create MAILBOX
  rename FROM TO
  delete MAILBOX
  load DIRECTORY SEPARATOR PREFIX   a tree of Maildirs (Dovecot's LAYOUT=fs), with flags and dates;
                            prints what the server refuses to take

Mailboxes are called as the server calls them, on the wire.
"""
import imaplib
import os
import socket
import sys

FLAGS = {"D": "\\Draft", "F": "\\Flagged", "R": "\\Answered", "S": "\\Seen"}


def quote(name):
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'

# Line ends are those of the message: imaplib would make CRLF of each.
imaplib.MapCRLF = imaplib.re.compile(b"(?!)")


class Client:
    def __init__(self, host, port, user, password):
        self.imap = imaplib.IMAP4(host, int(port), timeout=30)
        # Else every literal waits for the server's delayed ACK.
        self.imap.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.imap.login(user, password)

    def ask(self, method, *arguments):
        status, data = getattr(self.imap, method)(*arguments)
        if status != "OK":
            sys.exit(f"{method} {str(arguments)[:200]}: {status} {data}")
        return data

    def has(self, mailbox):
        """Found out without an error: Cyrus slows those down who make many."""
        return self.ask("list", '""', quote(mailbox)) != [None]

    def append(self, mailbox, message, flags=None, date=None):
        return self.imap.append(quote(mailbox), flags, date, message)

    def deliver(self, mailbox):
        if not self.has(mailbox):
            self.create(mailbox)
        status, words = self.append(mailbox, sys.stdin.buffer.read())
        if status != "OK":
            sys.exit(f"{mailbox}: {words}")

    def flags(self, mailbox, uids, change):
        self.ask("select", quote(mailbox))
        self.ask("uid", "STORE", uids, change[0] + "FLAGS.SILENT", "(" + change[1:] + ")")

    def expunge(self, mailbox, uids):
        self.ask("select", quote(mailbox))
        self.ask("uid", "STORE", uids, "+FLAGS.SILENT", "(\\Deleted)")
        self.ask("uid", "EXPUNGE", uids)

    def move(self, mailbox, uids, to):
        self.ask("select", quote(mailbox))
        self.ask("uid", "COPY", uids, quote(to))
        self.expunge(mailbox, uids)

    def create(self, mailbox):
        self.ask("create", quote(mailbox))

    def rename(self, mailbox, to):
        self.ask("rename", quote(mailbox), quote(to))

    def delete(self, mailbox):
        self.ask("delete", quote(mailbox))

    def load(self, root, separator, prefix):
        for directory, below, _ in sorted(os.walk(root)):
            if os.path.basename(directory) in ("cur", "new", "tmp") or "cur" not in below:
                continue
            path = os.path.relpath(directory, root)
            mailbox = "INBOX" if path == "." else prefix + path.replace("/", separator)
            if not self.has(mailbox):
                self.create(mailbox)
            for part in ("cur", "new"):
                folder = os.path.join(directory, part)
                for name in sorted(os.listdir(folder)) if part in below else ():
                    file = os.path.join(folder, name)
                    flags = " ".join(FLAGS.get(c, "") for c in name.partition(":2,")[2])
                    with open(file, "rb") as message:
                        status, words = self.append(
                            mailbox, message.read(), flags.strip() or None,
                            imaplib.Time2Internaldate(os.stat(file).st_mtime))
                    if status != "OK":
                        print(f"{file}: {words}")


def main():
    client = Client(*sys.argv[1:5])
    getattr(client, sys.argv[5])(*sys.argv[6:])
    client.imap.logout()


main()
