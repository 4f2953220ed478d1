#!/usr/bin/env python3
"""Writes Maildirs for Dovecot that are large in one respect, quickly.

    many_mail.py DIR messages N MAILBOX    one mailbox of N small messages, links to a few files
    many_mail.py DIR mailboxes N           N mailboxes with a message each
    many_mail.py DIR size MIB MAILBOX      adds a message of that size to a mailbox
"""

import base64
import os
import sys
from random import Random

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from mailgen import maildir, mime, text

FIRST = 1_479_600_000  # 2016-11-20
# Others than these are links: a file can have 65,000 on ext4.
DISTINCT = 1000


def head(index):
    name, mail = text.PEOPLE[index % len(text.PEOPLE)]
    return (f"From: {mime.header_text(name)} <{mail}>\r\nTo: sam@example.net\r\n"
            f"Subject: Status report {index}\r\nMessage-ID: <{index}@many.example.org>\r\n\r\n").encode()


def body(index):
    rng = Random(index)
    return mime.crlf(text.sentence(rng) for _ in range(3 + index % 5))


def messages(root, count, mailbox):
    box = maildir.Mailbox(root, "fs", mailbox)
    for index in range(min(count, DISTINCT)):
        box.add(head(index) + body(index), FIRST + index, "S")
    folder = os.path.join(box.path, "cur")
    sources = sorted(os.listdir(folder))
    os.chdir(folder)
    for index in range(DISTINCT, count):
        source = sources[index % DISTINCT]
        os.link(source, f"{FIRST + index}.M{index}{source[source.index('P1'):]}")


def mailboxes(root, count):
    for index in range(count):
        maildir.Mailbox(root, "fs", f"Group{index % 50:02}/Box{index:05}").add(
            head(index) + body(index), FIRST + index, "S")


def size(root, mebibytes, mailbox):
    """Of random bytes again and again, in base64: larger than os.write takes at once."""
    box = maildir.Mailbox(root, "fs", mailbox)
    start = head(mebibytes)
    lines = base64.encodebytes(Random(mebibytes).randbytes(57 * 4096)).replace(b"\n", b"\r\n")
    times = (mebibytes * 2**20 - len(start)) // len(lines) + 1
    total = len(start) + times * len(lines)
    count = len(os.listdir(os.path.join(box.path, "cur")))
    name = f"{box.path}/cur/{FIRST + count}.M{count}P1.size,S={total},W={total}:2,S"
    with open(name, "wb") as file:
        file.write(start)
        for _ in range(times):
            file.write(lines)


def main():
    root, kind, number, *rest = sys.argv[1:]
    {"messages": messages, "mailboxes": mailboxes, "size": size}[kind](root, int(number), *rest)


if __name__ == "__main__":
    main()
