#!/usr/bin/env python3
"""Runs clang-tidy on every file of src/, on all cores, and only on those whose last clean run saw
other text: the file, the project's headers that it includes, its flags, or the checks."""

import argparse
import hashlib
import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TIDY = "clang-tidy-19"
ROOT = Path(__file__).resolve().parents[2]


def sources(build):
    """{file: its compile command as a list} of what is in src/."""
    entries = json.loads((build / "compile_commands.json").read_text())
    return {entry["file"]: (shlex.split(entry["command"]), entry["directory"]) for entry in entries
            if Path(entry["file"]).is_relative_to(ROOT / "src") and Path(entry["file"]).exists()}


def fingerprint(path, command, directory, common):
    """A hash of everything that the result depends on, None if the file can't be preprocessed."""
    words = iter(word for word in command if not word.endswith("ccache"))
    flags = []
    next(words)  # the compiler
    for word in words:
        if word in ("-o", "-c"):
            next(words)
        else:
            flags.append(word)
    listing = subprocess.run(["clang++-19", "-MM", *flags, path], cwd=directory,
                             capture_output=True, text=True, check=False)
    if listing.returncode != 0:
        return None
    needed = listing.stdout.split(":", 1)[1].replace("\\\n", " ").split()
    digest = hashlib.sha256(common + "\0".join(flags).encode())
    for name in sorted(set(needed)):
        file = Path(directory, name).resolve()
        if file.is_relative_to(ROOT):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def check(path, build, cache, common, command, directory):
    """What clang-tidy complains about; empty if nothing."""
    key = fingerprint(path, command, directory, common)
    mark = cache / key if key else None
    if mark and mark.exists():
        return ""
    run = subprocess.run([TIDY, "-p", str(build), "--quiet",
                          "--extra-arg=-Wno-unknown-warning-option", path], capture_output=True, text=True,
                         check=False)
    if run.returncode == 0:
        if mark:
            mark.touch()
        return ""
    return run.stdout + ("" if "error:" in run.stdout else run.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    version = subprocess.run([TIDY, "--version"], capture_output=True, check=True).stdout
    common = version + (ROOT / ".clang-tidy").read_bytes()
    work = sources(args.build)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = list(pool.map(
            lambda item: check(item[0], args.build, args.cache, common, *item[1]), work.items()))
    for complaint in filter(None, complaints):
        print(complaint)
    print(f"clang-tidy: {len(work)} files, {sum(map(bool, complaints))} with complaints")
    return 1 if any(complaints) else 0


if __name__ == "__main__":
    sys.exit(main())
