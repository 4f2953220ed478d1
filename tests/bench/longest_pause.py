#!/usr/bin/env python3
"""Looks at a directory of a mount again and again while a command runs.

    longest_pause.py DIRECTORY COMMAND...

Prints the longest time that one look took, in µs. statvfs and an extended attribute are in it
because the kernel keeps neither: each look reaches the daemon, and its store.
"""

import os
import subprocess
import sys
import time


def look(directory):
    names = os.listdir(directory)
    os.stat(directory)
    os.statvfs(directory)
    os.getxattr(os.path.join(directory, names[0]), "user.imap.flags")


def main():
    directory, *command = sys.argv[1:]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    longest, before = 0, time.monotonic()
    while running.poll() is None:
        look(directory)
        now = time.monotonic()
        longest, before = max(longest, now - before), now
    print(round(longest * 1e6))
    sys.exit(running.returncode)


if __name__ == "__main__":
    main()
