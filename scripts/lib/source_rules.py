#!/usr/bin/env python3
"""The rules of the source tree: which folder may include what, calls that nobody may use, and no
paths of one machine. Takes files, prints path:line: message, fails if there is one."""

import re
import sys
from pathlib import PurePosixPath

LAYERS = {"base": 0, "mail": 1, "imap": 2, "store": 2, "view": 2, "sync": 3, "account": 4, "fs": 5,
          "app": 6}

# Headers that one folder alone may include.
OWNERS = [(re.compile(r"libetpan/|openssl/|zlib\.h"), "imap"), (re.compile(r"lmdb\.h"), "store"),
          (re.compile(r"fuse"), "fs"), (re.compile(r"utf8proc\.h"), "view")]

SLEEP = "wait for an event with a deadline"
BANNED = [
    (r"\b(v?sprintf|strcpy|strcat|gets)\s*\(", "unbounded; use fmt or std::string", ()),
    (r"(?<![.>\w])(?<!Code::)system\s*\(", "no shell; start the program itself", ()),
    (r"\bpopen\s*\(", "only for the password command", ("src/app/",)),
    (r"(?<![.>\w])s?rand\s*\(", "use <random>", ()),
    (r"\b(sleep|usleep|nanosleep)\s*\(", SLEEP, ()),
    (r"\bsleep_(for|until)\b", SLEEP, ()),
    (r"\bstrerror\s*\(", "not thread-safe; use systemError()", ()),
    (r"\b(localtime|gmtime|ctime|asctime)\s*\(", "not thread-safe; use the _r form", ()),
    (r"\bstd::cout\b", "only src/app talks to the user", ("src/app/",)),
    (r"\bstd::endl\b", "flushes; use '\\n'", ()),
]
BANNED = [(re.compile(pattern), message, allowed) for pattern, message, allowed in BANNED]

MACHINE_PATH = re.compile(r"/wor[k]/(main|shared)|/tmp/bash_job[s]|/roo[t]/")
INCLUDE = re.compile(r'\s*#\s*include\s*[<"]([^>"]+)[>"]')

# Comments, and literals; in this order of alternatives none is found inside another.
NOT_CODE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^(\s]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'',
    re.DOTALL)


def code_only(text):
    """The text with comments and literals emptied; line numbers stay. A ' between digits is none."""
    text = re.sub(r"(?<=[0-9a-fA-F])'(?=[0-9a-fA-F])", "", text)
    return NOT_CODE.sub(lambda match: "\n" * match.group().count("\n"), text)


def folder(path):
    """The folder of the project that a file belongs to, such as "imap"; None for tests."""
    parts = PurePosixPath(path).parts
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    if parts[:2] == ("include", "emlfs") and len(parts) > 3:
        return parts[2]
    return None


def include_problem(path, header):
    here = folder(path)
    if here is None:
        return None
    for pattern, owner in OWNERS:
        if pattern.match(header) and here != owner:
            return f"only src/{owner} may include {header}"
    parts = header.split("/")
    public = parts[0] == "emlfs"
    there = parts[1] if public and len(parts) > 2 else parts[0] if len(parts) > 1 else here
    if there not in LAYERS or there == here:
        return None
    if not public:
        return f"{header} is internal to src/{there}"
    if LAYERS[there] >= LAYERS[here]:
        return f"{here} must not include {there}"
    return None


def cxx_problems(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        if match := INCLUDE.match(line):
            if problem := include_problem(path, match.group(1)):
                yield number, problem
    for number, line in enumerate(code_only(text).splitlines(), 1):
        for pattern, message, allowed in BANNED:
            match = pattern.search(line)
            if match and not path.startswith(tuple(allowed)):
                yield number, f"{match.group().strip()} is banned: {message}"


def problems(path):
    try:
        text = open(path, encoding="utf-8").read()
    except UnicodeDecodeError:
        return
    if path.endswith((".cc", ".h")):
        yield from cxx_problems(path, text)
    for number, line in enumerate(text.splitlines(), 1):
        if match := MACHINE_PATH.search(line):
            yield number, f"{match.group()} is a path of one machine"


def main(paths):
    found = 0
    for path in paths:
        for number, message in problems(path):
            print(f"{path}:{number}: {message}")
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
