"""Writes below each `$ memwall ...` of the README and the book what the program prints now.

Usage, from the repository root: python3 scripts/update_documents.py target/debug/memwall

The test crates/cli/tests/documents.rs compares the same blocks. trycmd can overwrite them too, but loses its place in a
file with several blocks once one of them changes its length. A line `...` in a block stands for lines left out; as
many lines are kept above and below it as there were. Read the difference before you commit it.
"""

import os
import pathlib
import re
import shlex
import subprocess
import sys

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def main(memwall):
    program = pathlib.Path(memwall).resolve()
    for path in [pathlib.Path("README.md"), *sorted(pathlib.Path("book/src").rglob("*.md"))]:
        old = path.read_text(encoding="utf-8")
        new = BLOCK.sub(lambda match: f"```console\n{block(match.group(1), program)}```", old)
        if new != old:
            path.write_text(new, encoding="utf-8")
            print(path)


def block(text, program):
    """A block's commands, each with its exit code where that is not 0, and its output."""
    entries = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return "".join(entry(*item.split("\n", 1), program) for item in entries)


def entry(command, shown, program):
    words = shlex.split(command)
    if words[0] != "memwall":
        sys.exit(f"only memwall is run, not: {command}")
    # As the test does: no colour, a terminal of 100 columns.
    surroundings = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100"}
    run = subprocess.run(
        [program, *words[1:]],
        env=surroundings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    status = f"? {run.returncode}\n" if run.returncode else ""
    return f"$ {command}\n{status}{elided(run.stdout, shown)}\n"


def elided(output, shown):
    """The output, with what the block left out left out again."""
    shown = [line for line in shown.rstrip("\n").split("\n") if not line.startswith("? ")]
    if "..." not in shown:
        return output
    lines, above = output.rstrip("\n").split("\n"), shown.index("...")
    below = len(shown) - above - 1
    return "\n".join([*lines[:above], "...", *(lines[-below:] if below else [])]) + "\n"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
