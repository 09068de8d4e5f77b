"""Takes from full tables of measured rows the few that are shipped in traces/measured.

Usage, from the repository root: python3 scripts/pick_rows.py FOLDER

FOLDER holds gemm.csv, attention.csv, mla.csv, moe.csv and elementwise.csv. Of each device, software, format and phase,
one row in sixteen is taken and at least six: those whose kind and shape have the least hash. No prediction has a part
in it, so the rows are as hard as the others.
"""

import csv
import hashlib
import pathlib
import sys

KINDS = ("gemm", "attention", "mla", "moe", "elementwise")
GROUP = ("device", "software", "dtype", "phase")
NO_SHAPE = {"device", "software", "dtype", "kv_dtype", "seconds", "source"}
OUT = pathlib.Path("traces/measured")
ONE_IN, AT_LEAST = 16, 6


def main(folder):
    for kind in KINDS:
        with open(pathlib.Path(folder) / f"{kind}.csv", encoding="utf-8", newline="") as lines:
            rows = csv.DictReader(lines)
            columns, groups = rows.fieldnames, {}
            for row in rows:
                groups.setdefault(tuple(row.get(name, "") for name in GROUP), []).append(row)
        taken = [row for group in sorted(groups) for row in picked(groups[group])]
        with open(OUT / f"{kind}.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(taken)
        print(f"{OUT / kind}.csv: {len(taken)} of {sum(map(len, groups.values()))} rows, {len(groups)} groups")


def picked(rows):
    return sorted(rows, key=shape_hash)[: max(AT_LEAST, -(-len(rows) // ONE_IN))]


def shape_hash(row):
    shape = ",".join(value for name, value in row.items() if name not in NO_SHAPE)
    return hashlib.sha256(shape.encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
