"""Writes messages into a Maildir as Dovecot keeps it, without Dovecot's help."""

import base64
import os


def modified_utf7(name):
    """RFC 3501, 5.1.3: how Dovecot names a mailbox's directory."""
    out, run = [], ""

    def flush():
        nonlocal run
        if run:
            coded = base64.b64encode(run.encode("utf-16-be")).decode().rstrip("=")
            out.append("&" + coded.replace("/", ",") + "-")
            run = ""

    for char in name:
        if " " <= char <= "~":
            flush()
            out.append("&-" if char == "&" else char)
        else:
            run += char
    flush()
    return "".join(out)


def directory(root, layout, mailbox):
    """The directory of a mailbox; `mailbox` is a name with '/' as its delimiter."""
    if mailbox == "INBOX":
        return root
    parts = [modified_utf7(part) for part in mailbox.split("/")]
    if layout == "fs":
        return os.path.join(root, *parts)
    if any("." in part for part in parts):
        raise ValueError(f"maildir++ can't hold a mailbox name with a dot: {mailbox}")
    return os.path.join(root, "." + ".".join(parts))


class Mailbox:
    def __init__(self, root, layout, name):
        self.path = directory(root, layout, name)
        for sub in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(self.path, sub), mode=0o700, exist_ok=True)
        if layout == "maildir++" and name != "INBOX":
            open(os.path.join(self.path, "maildirfolder"), "wb").close()
        self.count = 0

    def add(self, data, when, flags=""):
        """`data` has CRLF line ends; `when` becomes INTERNALDATE. Dovecot gives UIDs in the order
        of the times in the names; S= and W= are sizes that it then needn't find out."""
        self.count += 1
        path = (f"{self.path}/cur/{when}.M{self.count:06d}P1.sample,"
                f"S={len(data)},W={len(data)}:2,{flags}")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            written = os.write(descriptor, data)
            if written != len(data):
                raise OSError(f"wrote {written} of {len(data)} bytes to {path}")
            os.utime(descriptor, (when, when))
        finally:
            os.close(descriptor)
