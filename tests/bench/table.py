#!/usr/bin/env python3
"""Prints the results of scripts/bench as a markdown table: medians, ratios of pairs, goals.

A line of the file is: case, mail, against, goals, emlfs, other, between tabs. The last two are such
as "time=µs down=bytes trips=4"; other may be empty. Goals are described in the file `cases`.
"""

import re
import sys
from statistics import median

# What a number is divided by, and its unit then.
SHOWN = {"time": (1e6, " s"), "down": (1e6, " MB"), "memory": (2**20, " MiB"), "trips": (1, ""),
         "asked": (1, "")}
GOAL_UNITS = {"": 1, "ms": 1e3, "MiB": 2**20}


def numbers(text):
    return {name: float(value) for name, value in (word.split("=") for word in text.split())}


def show(name, value):
    divisor, unit = SHOWN[name]
    return f"{value / divisor:.4g}{unit}"


def middle(side, name):
    """The median of one side's numbers, to be read; empty where it has none."""
    values = [numbers[name] for numbers in side if name in numbers]
    return show(name, median(values)) if values else ""


def both(pairs, name):
    return " / ".join(filter(None, (middle(side, name) for side in zip(*pairs))))


def measured(name, relative, pairs):
    """The number that a goal is about, and how it is shown."""
    if relative:
        ratios = [mine[name] / yours[name] for mine, yours in pairs]
        return median(ratios), f"{median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
    value = median(mine[name] for mine, _ in pairs)
    return value, show(name, value)


def judge(goal, pairs):
    """Such as ["0.31 (0.30-0.35)", "time<=0.4x", "yes"]."""
    name, limit, unit = re.fullmatch(r"(\w+)<=([\d.]+)(\w*)", goal).groups()
    value, shown = measured(name, unit == "x", pairs)
    return [shown, goal, "yes" if value <= float(limit) * GOAL_UNITS.get(unit, 1) else "**no**"]


def row(case, mail, against, goals, pairs):
    main = "memory" if goals.startswith("memory") else "time"
    verdicts = [judge(goal, pairs) for goal in goals.split()]
    if not verdicts and pairs[0][1]:
        verdicts = [[measured(main, True, pairs)[1], "", ""]]
    mine, yours = zip(*pairs)
    return [case, mail, middle(mine, main), " ".join(filter(None, (middle(yours, main), against))),
            *("; ".join(cells) for cells in zip(*verdicts or [["", "", ""]])),
            both(pairs, "down"), both(pairs, "trips")]


def main():
    cases = {}
    with open(sys.argv[1], encoding="utf-8") as file:
        for entry in file:
            *key, emlfs, other = entry.rstrip("\n").split("\t")
            cases.setdefault(tuple(key), []).append((numbers(emlfs), numbers(other)))
    header = ["case", "mail", "emlfs", "other", "measured", "goal", "met", "from the server", "round trips"]
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for key, pairs in cases.items():
        print("| " + " | ".join(row(*key, pairs)) + " |")


if __name__ == "__main__":
    main()
