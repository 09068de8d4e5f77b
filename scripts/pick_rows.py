"""Takes from full tables of measured rows the few that are shipped in traces/measured.

Usage, from the repository root: python3 scripts/pick_rows.py FOLDER

FOLDER holds gemm.csv, attention.csv, mla.csv, moe.csv, elementwise.csv, collective.csv, inference.csv and
training.csv. Of each device,
software, format and phase, one row in sixteen is taken and at least six: those whose kind and shape have the least hash.
Of each system, collective and source three rows are taken, of whole models on each device and software five. No prediction
has a part in it, so the rows are as hard as the others.
"""

import csv
import hashlib
import pathlib
import sys

KERNELS = ("device", "software", "dtype", "phase")
# What makes a group; then one row in so many of it, and at least so many.
KINDS = {
    "gemm": (KERNELS, 16, 6),
    "attention": (KERNELS, 16, 6),
    "mla": (KERNELS, 16, 6),
    "moe": (KERNELS, 16, 6),
    "elementwise": (KERNELS, 16, 6),
    "collective": (("system", "collective", "source"), None, 3),
    "inference": (("device", "software"), None, 5),
    "training": (("device", "software"), 16, 10),
}
NO_SHAPE = {"device", "software", "dtype", "kv_dtype", "seconds", "samples", "value", "note", "source"}
OUT = pathlib.Path("traces/measured")


def main(folder):
    for kind, (group, one_in, at_least) in KINDS.items():
        with open(pathlib.Path(folder) / f"{kind}.csv", encoding="utf-8", newline="") as lines:
            rows = csv.DictReader(lines)
            columns, groups = rows.fieldnames, {}
            for row in rows:
                groups.setdefault(tuple(row.get(name, "") for name in group), []).append(row)
        taken = [row for key in sorted(groups) for row in picked(groups[key], one_in, at_least)]
        with open(OUT / f"{kind}.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(taken)
        print(f"{OUT / kind}.csv: {len(taken)} of {sum(map(len, groups.values()))} rows, {len(groups)} groups")


def picked(rows, one_in, at_least):
    share = -(-len(rows) // one_in) if one_in else 0
    return sorted(rows, key=shape_hash)[: max(at_least, share)]


def shape_hash(row):
    shape = ",".join(value for name, value in row.items() if name not in NO_SHAPE)
    return hashlib.sha256(shape.encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
