"""Checks that relative links and images in Markdown files lead somewhere, anchors included.

Usage: python3 scripts/check_links.py FILE_OR_FOLDER...

Links to the web are not followed: a build must not depend on somebody else's server. Exits 1 and lists
each broken link as file:line when there is one.
"""

import pathlib
import re
import sys

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
FENCE = re.compile(r"^\s*(```|~~~)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*$")


def main(arguments):
    broken = [problem for path in files(arguments) for problem in check(path)]
    for problem in broken:
        print(problem, file=sys.stderr)
    return 1 if broken else 0


def files(arguments):
    """The Markdown files named, or found in the folders named."""
    for argument in map(pathlib.Path, arguments):
        yield from sorted(argument.rglob("*.md")) if argument.is_dir() else [argument]


def check(path):
    """One line for each broken link of a file."""
    for number, line in prose(path):
        for target in LINK.findall(re.sub(r"`[^`]*`", "", line)):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            goal = (path.parent / name) if name else path
            if not goal.exists():
                yield f"{path}:{number}: no such file: {target}"
            elif anchor and goal.suffix == ".md" and anchor not in anchors(goal):
                yield f"{path}:{number}: no such heading: {target}"


def prose(path):
    """The numbered lines of a file that are not inside a code block."""
    fenced = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            yield number, line


def anchors(path):
    """The anchors mdBook and GitHub make of a file's headings."""
    found = set()
    for _, line in prose(path):
        heading = HEADING.match(line)
        if heading:
            text = re.sub(r"[^\w\- ]", "", heading.group(1).replace("`", "").lower())
            found.add(text.replace(" ", "-"))
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
