#!/usr/bin/env python3
"""Prints the results of scripts/bench as a markdown table: medians, and the ratio of each pair.

A line of the file is: case, line, emlfs, other, between tabs; the last two are
"µs bytes_down commands round_trips", other may be empty. mbsync's commands aren't known.
"""

import sys
from statistics import median


def numbers(text):
    return [int(word) for word in text.split()]


def middle(results, place):
    return median(result[place] for result in results)


def pair(emlfs, other, show):
    """Such as "7.4 / 4.7", or one number if there is nothing to compare."""
    return f"{show(emlfs)} / {show(other)}" if other is not None else show(emlfs)


def megabytes(count):
    return "0" if count == 0 else f"{count / 1e6:.2f}" if count < 1e7 else f"{count / 1e6:.0f}"


def row(case, line, pairs):
    emlfs = [pair[0] for pair in pairs]
    other = [pair[1] for pair in pairs if pair[1]]
    ratios = [mine[0] / yours[0] for mine, yours in pairs if yours]
    cells = [case, line, f"{middle(emlfs, 0) / 1e6:.3f}"]
    if other:
        cells += [f"{middle(other, 0) / 1e6:.3f}", f"{median(ratios):.2f}",
                  f"{min(ratios):.2f}-{max(ratios):.2f}"]
    else:
        cells += ["", "", ""]
    beside = (lambda place: middle(other, place)) if other else lambda place: None
    cells += [pair(middle(emlfs, 1), beside(1), megabytes), f"{middle(emlfs, 2):.0f}",
              pair(middle(emlfs, 3), beside(3), "{:.0f}".format)]
    return cells


def main():
    cases = {}
    with open(sys.argv[1], encoding="utf-8") as file:
        for entry in file:
            case, line, emlfs, other = entry.rstrip("\n").split("\t")
            cases.setdefault((line, case), []).append((numbers(emlfs), numbers(other)))
    header = ["case", "line", "emlfs (median s)", "other (median s)", "ratio", "min-max",
              "MB down", "commands (emlfs)", "round trips"]
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * 2 + "---:|" * (len(header) - 2))
    for (line, case), pairs in cases.items():
        print("| " + " | ".join(row(case, line, pairs)) + " |")


if __name__ == "__main__":
    main()
