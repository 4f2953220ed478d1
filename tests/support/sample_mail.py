#!/usr/bin/env python3
"""Writes realistic sample mail, deterministic from a seed, straight into a Maildir for Dovecot.

    sample_mail.py --seed 1 --messages 3000 --out DIR [--layout fs|maildir++] [--largest MB]
    sample_mail.py --flat 50000 --mailbox Big --out DIR     many small messages in one mailbox

The first form makes about 25 nested mailboxes with every kind and every oddity; Archive and Lists
hold no mail of their own. Files have CRLF line ends, so that IMAP serves their very bytes.
The file's mtime is INTERNALDATE. No message is \\Deleted. A flat mailbox can be added to a sample.
"""

import argparse
import sys
import uuid
from email.utils import formatdate
from random import Random

sys.dont_write_bytecode = True  # the source tree stays clean

from mailgen import kinds, maildir, mime, oddities, text

FIRST = 1_479_600_000  # 2016-11-20
LAST = 1_795_000_000   # 2026-11-18
YEAR = 31_556_952
MEGABYTE = 1_000_000

PERSONAL = {kinds.plain: 8, kinds.flowed: 2, kinds.alternative: 6, kinds.with_attachment: 2,
            kinds.nested: 1, kinds.signed: 1, kinds.foreign: 2, kinds.invite: 1,
            kinds.invoice: 1, kinds.boarding_pass: 1, kinds.bounce: 0.3, kinds.long_lines: 0.2}
LIST = {kinds.plain: 8, kinds.flowed: 2, kinds.signed: 2, kinds.alternative: 1}

# name: (share of the messages, topic, kinds)
MAILBOXES = {
    "INBOX": (380, "work", {**PERSONAL, kinds.newsletter: 2, kinds.spam: 0.5}),
    **{f"Archive/{year}": (90, "work", PERSONAL) for year in range(2018, 2027)},
    "Lists/lkml/patches": (420, "list", {kinds.patch: 9, kinds.plain: 2}),
    "Lists/lkml/netdev": (180, "list", {kinds.patch: 3, kinds.plain: 3}),
    "Lists/dovecot": (140, "list", LIST),
    "Lists/notmuch": (90, "list", LIST),
    "Work/Projects": (60, "work", PERSONAL),
    "Work/Projects/Apollo": (110, "work", PERSONAL),
    "Work/Projects/Borealis/Design": (70, "work", PERSONAL),
    "Work/Invoices": (110, "invoice", {kinds.invoice: 1}),
    "Travel": (70, "travel", {kinds.boarding_pass: 3, kinds.plain: 2, kinds.invite: 1}),
    "Newsletters": (130, "news", {kinds.newsletter: 1}),
    "Entwürfe & Fotos": (40, "private", {kinds.foreign: 2, kinds.with_attachment: 1}),
    "日本語": (40, "private", {kinds.japanese: 1}),
    "Sent": (200, "work", PERSONAL),
    "Drafts": (12, "private", {kinds.plain: 1}),
    "Trash": (60, "news", {kinds.newsletter: 1, kinds.plain: 1, kinds.spam: 1}),
    "Junk": (140, "spam", {kinds.spam: 1}),
    "Empty": (0, "work", {}),
}
LARGE = [25, 8, 6, 4, 3, 2, 2, 1.5, 1.5, 1, 1]  # attachments in MB, before base64


def mailbox_times(rng, name, count):
    low, high = FIRST, LAST
    if name.startswith("Archive/"):
        low = 1_514_764_800 + (int(name[8:]) - 2018) * YEAR
        high = min(low + YEAR - 86_400, LAST)
    return sorted(rng.randrange(low, high) for _ in range(count))


def flags_for(rng, name, when):
    seen = rng.random() < (0.97 if when < LAST - YEAR // 6 else 0.4)
    marks = {"D": name == "Drafts", "F": rng.random() < 0.04, "R": seen and rng.random() < 0.15,
             "S": seen}
    return "".join(flag for flag in "DFRS" if marks[flag])


class Thread:
    """What a reply needs to know of the message before it."""

    def __init__(self, subject, message_id, references, author):
        self.subject, self.author = subject, author
        self.references = (references + [message_id])[-8:]


class Writer:
    """The messages of one mailbox, in the order of their dates."""

    def __init__(self, seed, name):
        self.name = name
        self.rng = Random(f"{seed}/{name}")
        self.topic, self.weights = MAILBOXES[name][1:]
        self.threads = []

    def uuid(self):
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def date_field(self, when):
        chance = self.rng.random()
        if chance < 0.01:
            return []
        if chance < 0.03:  # a sender whose clock is wrong
            when = self.rng.choice([0, when + 9 * YEAR, when - 400_000])
        return [("Date", formatdate(when + self.rng.randint(-90, 0), localtime=False))]

    def message(self, when, large=None):
        rng, identity = self.rng, self.uuid()
        sender = text.ME if self.name in ("Sent", "Drafts") else rng.choice(text.PEOPLE)
        thread = rng.choice(self.threads[-12:]) if self.threads and rng.random() < 0.5 else None
        subject = rng.choice(text.SUBJECTS[self.topic])
        kind = kinds.with_attachment if large else rng.choices(*zip(*self.weights.items()))[0]
        if kind is kinds.patch:
            parts = rng.randint(1, 9)
            subject = f"[PATCH v{rng.randint(1, 5)} {rng.randint(1, parts)}/{parts}] {subject.lower()}"
        if thread:
            subject = thread.subject if thread.subject.startswith("Re: ") else "Re: " + thread.subject
        context = kinds.Context(rng, identity, sender, subject, thread and thread.author, large)
        extra, part = kind(context)

        message_id = f"<{identity}@{sender[1].split('@')[1]}>"
        fields = {"Return-Path": f"<{sender[1]}>",
                  "Received": "from mx.example.net (mx.example.net [192.0.2.1])\r\n\tby mail.example.net"
                              f" with ESMTPS id {identity[:8]};\r\n\t{formatdate(when)}",
                  "From": mime.address(sender),
                  "To": mime.address(rng.choice(text.PEOPLE) if sender is text.ME else text.ME),
                  "Subject": mime.header_text(subject), **dict(self.date_field(when)),
                  "Message-ID": message_id}
        if self.topic == "list":
            group = self.name.split("/")[-1]
            fields.update({"To": f"{group}@lists.example.org", "Sender": f"owner-{group}@lists.example.org",
                           "List-Id": f"<{group}.lists.example.org>", "Precedence": "list"})
        if thread:
            fields.update({"In-Reply-To": thread.references[-1],
                           "References": "\r\n ".join(thread.references)})
        fields.update(extra)
        self.threads.append(Thread(subject, message_id, thread.references if thread else [], sender[0]))
        return mime.message(list(fields.items()), part)

    def oddity(self, build, when):
        return build(self.uuid(), when)


def shares(total):
    """Messages for each mailbox, adding up to `total`."""
    weights = {name: entry[0] for name, entry in MAILBOXES.items()}
    counts = {name: total * weight // sum(weights.values()) for name, weight in weights.items()}
    counts["INBOX"] += total - sum(counts.values())
    return counts


def sample(args):
    """Writes the whole sample; gives (messages, mailboxes, bytes)."""
    counts = shares(args.messages)
    # Every oddity once, in mailboxes that are large enough; the large attachments likewise.
    odd = list(oddities.ODDITIES)
    odd_for = {"INBOX": odd[0::2], "Junk": odd[1::4], "Trash": odd[3::4]}
    large = [int(size * MEGABYTE) for size in LARGE if size <= args.largest]
    large_for = {"INBOX": large[1::2], "Work/Projects/Apollo": large[0::4], "Archive/2024": large[2::4]}
    written = 0
    for name, count in counts.items():
        odd_here, large_here = odd_for.get(name, []), large_for.get(name, [])
        count = max(count, len(odd_here) + len(large_here) + 3 * bool(odd_here))
        counts[name] = count
        writer = Writer(args.seed, name)
        box = maildir.Mailbox(args.out, args.layout, name)
        places = writer.rng.sample(range(count), len(odd_here) + len(large_here))
        special = dict(zip(places, odd_here + large_here))
        for index, when in enumerate(mailbox_times(writer.rng, name, count)):
            wanted = special.get(index)
            data = (writer.oddity(wanted, when) if callable(wanted) else
                    writer.message(when, wanted))
            box.add(data, when, flags_for(writer.rng, name, when))
            written += len(data)
    return sum(counts.values()), len(counts), written


def flat(args):
    """Many small messages in one mailbox, with bodies cut out of one long text."""
    rng = Random(f"{args.seed}/flat")
    store = mime.crlf(text.wrap(text.prose(rng, 60_000)))
    starts = [match + 2 for match in range(len(store)) if store[match:match + 2] == b"\r\n"]
    box = maildir.Mailbox(args.out, args.layout, args.mailbox)
    written, step = 0, max(1, (LAST - FIRST) // max(1, args.flat))
    for index in range(args.flat):
        when = FIRST + index * step
        identity = f"{rng.getrandbits(32):08x}-{index & 0xffff:04x}-4000-8000-{index:012x}"
        name, mail = text.PEOPLE[index % 3 * 3]
        start = starts[rng.randrange(len(starts) // 2)]
        size = int(min(60_000, rng.lognormvariate(8.4, 0.5)))
        end = store.rfind(b"\r\n", start, start + size) + 2
        data = (f"From: {mime.header_text(name)} <{mail}>\r\nTo: sam@example.net\r\n"
                f"Subject: Status report {index}\r\nDate: {formatdate(when)}\r\n"
                f"Message-ID: <{identity}@example.org>\r\n\r\nRef: {identity}\r\n").encode() + \
            store[start:max(start, end)]
        box.add(data, when, "S" if index % 5 else "")
        written += len(data)
    return args.flat, 1, written


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seed", default="1")
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--out", required=True, help="the Maildir's root; made if missing")
    parser.add_argument("--layout", choices=["fs", "maildir++"], default="fs")
    parser.add_argument("--largest", type=float, default=25,
                        help="leave out attachments larger than this many MB (default 25)")
    parser.add_argument("--flat", type=int, help="only this many small messages, in --mailbox")
    parser.add_argument("--mailbox", default="Big")
    args = parser.parse_args()
    messages, mailboxes, size = flat(args) if args.flat is not None else sample(args)
    print(f"{messages} messages, {mailboxes} mailboxes, {size} bytes")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
