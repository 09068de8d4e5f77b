"""Writes the book's page on validation, its pictures, and what the accuracy test holds the shipped rows to.

Usage, from the repository root:
    python3 scripts/validation.py target/release/memwall            traces/measured/recorded.csv only
    python3 scripts/validation.py target/release/memwall FOLDER     everything

FOLDER holds the complete measured rows: gemm.csv, attention.csv, mla.csv, moe.csv, elementwise.csv, collective.csv,
inference.csv and training.csv, as `memwall validate` reads them. No number on the page is typed in but the targets.
"""

import collections
import csv
import hashlib
import io
import json
import pathlib
import statistics
import subprocess
import sys

import update_documents

sys.path.insert(0, "book/figures")
from svg import FAINT, GRID, INK, LogAxes, Svg

KINDS = {
    "gemm": "Matrix products",
    "attention": "Attention",
    "mla": "Latent attention (MLA)",
    "moe": "Mixtures of experts",
    "elementwise": "Elementwise operations",
    "collective": "Collectives",
    "inference": "Whole models",
    "training": "Training iterations",
}
# Kinds whose rows are not all times, or of so few devices that a picture shows little.
WITHOUT_PICTURE = {"inference", "training"}
SHIPPED = pathlib.Path("traces/measured")
PAGE = pathlib.Path("book/src/validation.md")
PICTURES = pathlib.Path("book/src/img")
KEY = ("kind", "device", "software", "dtype", "phase", "size")
RECORDED = ("device", "software", "dtype", "kind", "phase", "size")
# Kind, device, beginning of the software, format, phase or size (None: any), then the targets for mean and median.
TARGETS = [
    ("gemm", "a100-sxm-80gb", "trtllm", "bf16", None, 8, 5),
    ("gemm", "h100-sxm", "trtllm", "bf16", None, 6, 4),
    ("gemm", "h100-sxm", "trtllm", "fp8", None, 8, 4),
    ("gemm", "a100-sxm-80gb", "torch-vllm-2023", "fp16", None, 6, 4),
    ("gemm", "h100-sxm", "torch-vllm-2023", "fp16", None, 6, 4),
    ("gemm", "jetson-agx-orin", "cutlass", "fp16", None, 6, None),
    ("gemm", "v100-pcie-32gb", "torch", "fp32", None, 8, None),
    ("gemm", "t4", "torch", "fp32", None, 12, None),
    ("gemm", "p100-pcie", "torch", "fp32", None, 15, None),
    *(
        ("attention", device, "", None, phase, 12, None)
        for device in ("a100-sxm-80gb", "h100-sxm")
        for phase in ("decode", "prefill")
    ),
    ("elementwise", None, "", None, "large", 6, None),
    ("elementwise", None, "", None, "small", 15, None),
    ("collective", "a100-sxm-80gb", "", None, "one node", 10, 6),
    ("collective", "h100-sxm", "", None, "one node", 9, 6),
    ("collective", "b200-sxm", "", None, "one node", 9, 6),
    ("collective", None, "", None, "one node", 18, None),
    ("collective", None, "", None, "several nodes", 20, None),
    ("inference", None, "", None, None, 15, None),
    ("training", "a100-sxm-80gb", "megatron-deepspeed-2023", "fp16", None, 8, None),
    ("training", "a100-sxm-80gb", "megatron-2021", "fp16", None, 9, None),
]
# Colours that people with any colour vision tell apart (after Okabe and Ito, and Tol), each with a shape of its own.
LOOKS = {
    "a100-sxm-80gb": ("#0072b2", "circle"),
    "h100-sxm": ("#d55e00", "square"),
    "a100-pcie-40gb": ("#56b4e9", "diamond"),
    "v100-pcie-32gb": ("#009e73", "triangle"),
    "p100-pcie": ("#cc79a7", "circle"),
    "t4": ("#e69f00", "square"),
    "mi210": ("#22272e", "diamond"),
    "jetson-agx-orin": ("#882255", "triangle"),
    "rtx-pro-6000": ("#8a8a2f", "circle"),
    "b200-sxm": ("#117733", "square"),
    "v100-sxm2-32gb": ("#44aa99", "diamond"),
}
BAND = "#d8e2ec"
MOST_POINTS = 600
TIMES = [
    (1e-6, "1 µs"),
    (1e-5, "10 µs"),
    (1e-4, "100 µs"),
    (1e-3, "1 ms"),
    (1e-2, "10 ms"),
    (0.1, "100 ms"),
    (1.0, "1 s"),
    (10.0, "10 s"),
]


def main(memwall, folder=None):
    record(memwall)
    if folder is None:
        return
    files = rows_of(pathlib.Path(folder))
    groups = validate(memwall, files, "json")
    rows = validate(memwall, files, "csv")
    for kind in KINDS.keys() - WITHOUT_PICTURE:
        draw(kind, rows).write(PICTURES / f"validation_{kind}.svg")
    PAGE.write_text(page(memwall, groups, rows, sources(files)), encoding="utf-8")
    print(PAGE)


def rows_of(folder):
    return [folder / f"{kind}.csv" for kind in KINDS]


def validate(memwall, files, form):
    """The groups (json) or the rows (csv) of `memwall validate`."""
    command = [memwall, "validate", *map(str, files), "--format", form]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    if form == "json":
        return json.loads(text)["groups"]
    rows = list(csv.DictReader(io.StringIO(text)))
    for row in rows:
        row["held_out"] = row["held_out"] == "true"
        row["error"] = abs(float(row["error_pct"]))
    return rows


def record(memwall):
    """Writes the mean errors of the shipped rows, group by group."""
    path = SHIPPED / "recorded.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        # `kind` does not come first, so that `memwall validate traces/measured/*.csv` passes this file over.
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*RECORDED, "n", "fitted_mape", "held_out_mape"])
        for group in validate(memwall, rows_of(SHIPPED), "json"):
            errors = [f"{group[half]['mape_pct']:.2f}" for half in ("fitted", "held_out")]
            writer.writerow([*(group[name] or "" for name in RECORDED), group["n"], *errors])
    print(path)


def sources(files):
    counts = collections.Counter()
    for file in files:
        with open(file, encoding="utf-8", newline="") as lines:
            counts.update((row["source"], row["kind"]) for row in csv.DictReader(lines))
    return counts


# The page.


def page(memwall, groups, rows, origins):
    held_out = [row for row in rows if row["held_out"]]
    parts = [
        INTRODUCTION.format(
            rows=f"{len(rows):,}",
            groups=len(groups),
            held_out=f"{len(held_out):,}",
            devices=len({row["device"] for row in rows}),
            sources=source_table(origins),
        ),
        summary(groups, rows),
        misses(groups),
        READING,
    ]
    for kind, title in KINDS.items():
        nothing = sum(
            row["kind"] == kind and bool(row["predicted_s"]) and not float(row["predicted_s"]) for row in rows
        )
        parts.append(section(kind, title, [group for group in groups if group["kind"] == kind], nothing))
    command = "$ memwall validate " + " ".join(map(str, rows_of(SHIPPED))) + " --worst 5\n"
    shown = update_documents.block(command, pathlib.Path(memwall).resolve())
    shipped = sum(group["n"] for group in validate(memwall, rows_of(SHIPPED), "json"))
    parts.append(ENDING.format(shipped=shipped, block=shown))
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


INTRODUCTION = """
# Validation: is the model right?

<!-- Generated by scripts/validation.py; change it there. -->

A simulator is worth what its predictions are worth. This page holds memwall against {rows} times that other people
measured on {devices} real devices: each row is one kernel, its shape, and the seconds it took. memwall predicts each
from the shape, the [hardware catalog](reference/hardware.md) and the [software profile](reference/software.md), and
the page shows how far off it is, where it is good and where it is not.

## What is compared

The rows come from the published measurements of these projects:

{sources}

A **group** is all rows of one kind, device, software and number format; there are {groups}. The **error** of a row is
|predicted − measured| / measured. A group has its **mean** error and its **median** error (half of its rows are
better). Where a source prints whole microseconds, a prediction that rounds to the printed figure counts as right. A row that
memwall refused would count as an error of 100 %.

**Held out.** Some figures of the models were fitted to measured rows: how fast a software's kernels run their inner
loop, what a launch costs. A model can agree with the rows it was fitted to and be wrong about all others. So
half of the shapes were kept back from every fit: a hash of kind and shape decides which, so a shape that is held out
is held out on every device, in every format, with every software. Here that is {held_out} rows. Judge memwall by the
columns that say *held out*; where *fitted* is much smaller than *held out*, the fit learnt its rows by heart.

**What it has to beat.** Two simpler models stand beside it:

- the *roofline*: the larger of operations over peak compute and bytes over peak bandwidth; nothing fitted;
- the *calibrated roofline*: a fraction of peak compute, a fraction of peak bandwidth and a fixed time, the three
  fitted to the group's own rows. A simulator that is further off than this one on the same held-out rows has not earned its
  keep in that group. It is a hard opponent: it has three free figures a group, while memwall's belong to a device or
  a software and serve all their kernels.

**Targets** say what the project set out to reach in some of the groups: the mean error of held-out rows, or
"mean / median".
"""

READING = """
## Reading the tables and pictures

All errors are in %. The roofline's are of all rows, the calibrated roofline's of the held-out ones. *Met* says that the
target holds; *missed by* says by how many points of per cent the mean, or the median, is above it.

In the pictures each point is one held-out row, at most 600 of them, chosen by a hash. On the line
a prediction is right; the band is ±20 %. Above the line memwall is too slow, below it too fast. Both axes are
logarithmic.
"""

ENDING = """
## Run it yourself

The complete rows are not part of the repository: the figures above were taken from them by `scripts/validation.py` and
are recorded here. What is part of it are {shipped} of the rows, in `traces/measured`, taken by a hash of kind and shape
(`scripts/pick_rows.py`), never by how well memwall predicts them. With so few rows a group's mean
is rough; they are there so that anybody can check, and so that nothing gets worse unseen:

```console
{block}```

The test `tests/tests/accuracy.rs` compares these groups with `traces/measured/recorded.csv` and fails when one is worse
than recorded by more than 0.05 points. Rows of your own are compared in the same way:
[Is it right for my GPU?](how-to/calibrate.md)
"""


def source_table(origins):
    lines = ["| source, as the rows name it | rows | kinds |", "|---|---:|---|"]
    totals = collections.Counter()
    for (source, _), count in origins.items():
        totals[source] += count
    for source, count in totals.most_common():
        kinds = ", ".join(kind for kind in KINDS if origins[(source, kind)])
        lines.append(f"| {source} | {count:,} | {kinds} |")
    return "\n".join(lines)


def summary(groups, rows):
    lines = [
        "## The result in short",
        "",
        "Over all groups of a kind, held-out rows only. *Beats it in* counts the groups in which memwall's mean error",
        "is smaller than the calibrated roofline's.",
        "",
        "| kind | held-out rows | mean | median | calibrated roofline | beats it in | targets met |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for kind, title in KINDS.items():
        mine = [group for group in groups if group["kind"] == kind]
        errors = [row["error"] for row in rows if row["kind"] == kind and row["held_out"]]
        rivals = [group for group in mine if group["held_out"]["n"] and calibrated(group) is not None]
        weight = sum(group["held_out"]["n"] for group in rivals)
        rival = sum(calibrated(group) * group["held_out"]["n"] for group in rivals) / weight
        beaten = sum(group["held_out"]["mape_pct"] < calibrated(group) for group in rivals)
        judged = [group for group in mine if target(group)]
        met = sum(not shortfall(group) for group in judged)
        lines.append(
            f"| [{title}](#{anchor(title)}) | {len(errors):,} | {statistics.fmean(errors):.1f} | {statistics.median(errors):.1f} "
            f"| {rival:.1f} | {beaten} of {len(rivals)} | {f'{met} of {len(judged)}' if judged else 'none set'} |"
        )
    return "\n".join(lines)


def misses(groups):
    """The worst groups, so that nobody has to look for them."""
    worst = sorted(
        (group for group in groups if group["held_out"]["n"] >= 10), key=lambda group: -group["held_out"]["mape_pct"]
    )[:5]
    lines = [
        "## Where it is worst",
        "",
        "The five groups, of at least ten held-out rows, with the largest mean error:",
        "",
        "| kind | device | software | format | mean, held out | bias, held out |",
        "|---|---|---|---|---:|---:|",
    ]
    for group in worst:
        lines.append(
            f"| {named(group)} | {group['device']} | {group['software']} | {group['dtype']} | "
            f"{group['held_out']['mape_pct']:.1f} | {signed(group['held_out']['bias_pct'])} |"
        )
    lines += ["", "*Bias* is the mean error with its sign: above zero, memwall is too slow."]
    return "\n".join(lines)


def section(kind, title, groups, nothing):
    part = "phase" if groups[0]["phase"] else "size" if groups[0]["size"] else ""
    heading = [
        "device",
        "software",
        "format",
        *([part] if part else []),
        "n",
        "fitted mean",
        "held-out mean",
        "held-out median",
        "roofline",
        "calibrated roofline",
        "target",
        "result",
    ]
    ruler = ["---"] * (4 if part else 3) + ["---:"] * 6 + ["---"] * 2
    lines = [f"## {title}", "", NOTES[kind], "", table(heading), table(ruler)]
    for group in groups:
        fitted, held_out = group["fitted"], group["held_out"]
        lines.append(
            table(
                [
                    group["device"],
                    group["software"],
                    group["dtype"],
                    *([group[part]] if part else []),
                    group["n"],
                    percent(fitted["mape_pct"] if fitted["n"] else None),
                    bold(percent(held_out["mape_pct"] if held_out["n"] else None)),
                    percent(held_out["median_pct"] if held_out["n"] else None),
                    percent(group["roofline_mape_pct"]),
                    percent(calibrated(group)),
                    target_words(group),
                    verdict(group),
                ]
            )
        )
    refused = sum(group["refused"] for group in groups)
    if refused:
        lines += ["", f"{refused} rows were refused; each counts as an error of 100 %."]
    if nothing:
        lines += [
            "",
            f"For {nothing} of the rows memwall finds nothing to do on the device that was timed and predicts no time",
            "at all, an error of 100 %; they have no place in the picture.",
        ]
    if kind in WITHOUT_PICTURE:
        return "\n".join(lines)
    alt = f"Predicted against measured time of {kind} rows: held-out rows, by device"
    return "\n".join([*lines, "", f"![{alt}](img/validation_{kind}.svg)"])


NOTES = {
    "gemm": "C = A B, in all sizes from one row to many thousand. The smallest last as long as the launch of a kernel; "
    "the rows of TensorRT-LLM go through five copies of the weights, so small weights stay in the cache.",
    "attention": "*Prefill* takes a whole prompt and is mostly bound by arithmetic; *decode* takes one new token a "
    "sequence and reads the whole cache.",
    "mla": "Attention as DeepSeek does it: the cache holds one compressed vector a token instead of keys and values for each head.",
    "moe": "What was timed is known from the source's collector: a rank with the most rows, routing inside for TensorRT-LLM and "
    "not for vLLM. The loads of a power law are means of five draws whose seed nobody knows; memwall averages draws of its own. "
    "So part of the error is not the model's. No targets were set.",
    "collective": "What nccl-tests measures: all-reduce, all-gather, reduce-scatter, all-to-all over 2 to 8 devices of a node, and "
    "messages between two nodes. The figures of NCCL over NVLink 3 to 5 and PCIe 5 were fitted on the fitted half. Between nodes "
    "of A100 the rows (Vidur) are far slower than the network cards: with 16 ranks three times slower a card than with 8.",
    "training": "Iterations of training on two to eight A100, most of them bound by the host that issues kernel after kernel, and "
    "ten of Megatron-LM on up to 3,072 A100, which state neither heads nor micro-batches: the micro-batch is the one that makes "
    "the iteration shortest. Of the first, the host's times and the products' efficiency are fitted on the rows that were not held "
    "out; of the second nothing is fitted.",
    "inference": "Prompts and tokens of whole models on one to eight devices, host, collectives and batching included. Of "
    "TensorRT-LLM 1.0 nothing was fitted; of the older stacks the host's time and one efficiency. Five rows of TensorRT-LLM 0.5 on "
    "several A100 are labelled tokens a second and would be a sixth of what the arithmetic allows; read as tokens a second and device, "
    "as the same tables give for H100, memwall is 0 to 50 % fast. They count as labelled.",
    "elementwise": "Small operations (less than 8 MiB read and written) fit in caches and last microseconds; "
    "large ones stream through device memory.",
}


def target(group):
    """(mean, median or None) that the group should reach, or None."""
    for kind, device, software, dtype, part, mean, median in TARGETS:
        if (
            group["kind"] == kind
            and device in (None, group["device"])
            and group["software"].startswith(software)
            and dtype in (None, group["dtype"])
            and part in (None, group["phase"], group["size"])
            and group["held_out"]["n"]
        ):
            return mean, median
    return None


def shortfall(group):
    """`[(what, points)]`, of what is above the target."""
    mean, median = target(group)
    held_out = group["held_out"]
    wanted = [("mean", held_out["mape_pct"], mean), ("median", held_out["median_pct"], median)]
    return [(what, found - most) for what, found, most in wanted if most is not None and found > most]


def target_words(group):
    found = target(group)
    if not found:
        return ""
    mean, median = found
    return f"{mean}" if median is None else f"{mean} / {median}"


def verdict(group):
    if not target(group):
        return ""
    short = shortfall(group)
    if not short:
        return "met"
    return "missed by " + ", ".join(f"{max(points, 0.1):.1f} ({what})" for what, points in short)


def calibrated(group):
    return group["calibrated_roofline_held_out_mape_pct"]


def named(group):
    part = group["phase"] or group["size"]
    return f"{group['kind']}, {part}" if part else group["kind"]


def percent(value):
    return "–" if value is None else f"{value:.1f}"


def signed(value):
    return f"{value:+.1f}".replace("-", "−")


def bold(text):
    return f"**{text}**"


def table(cells):
    return "| " + " | ".join(map(str, cells)) + " |"


def anchor(title):
    kept = "".join(letter for letter in title.lower() if letter.isalnum() or letter in " -")
    return kept.replace(" ", "-")


# The pictures.


def draw(kind, rows):
    """Predicted against measured, both logarithmic, held-out rows, a colour and a shape a device."""
    rows = [row for row in rows if row["kind"] == kind and row["held_out"]]
    # A refused row, or one for which nothing is to be done, has no place on a logarithmic axis.
    placed = [row for row in rows if row["predicted_s"] and float(row["predicted_s"]) > 0]
    shown = sorted(placed, key=row_hash)[:MOST_POINTS]
    points = [(row["device"], float(row["measured_s"]), float(row["predicted_s"])) for row in shown]
    times = [time for _, *pair in points for time in pair]
    ends = (min(times) / 1.25, max(times) * 1.25)
    svg = Svg(680, 470, f"{KINDS[kind]}: predicted against measured time")
    axes = LogAxes(svg, 72, 42, 378, 368, ends, ends)
    band = [axes.at(*clipped(*point, ends)) for point in band_edge(ends, 1.2) + band_edge(ends, 0.8)[::-1]]
    svg.parts.append(f'<path d="M{" L".join(f"{x:.1f} {y:.1f}" for x, y in band)}z" fill="{BAND}"/>')
    ticks = [(time, label) for time, label in TIMES if ends[0] <= time <= ends[1]]
    axes.frame(ticks, ticks, "measured time", "predicted time (both axes logarithmic)")
    svg.path([axes.at(end, end) for end in ends], FAINT, 1.3)
    devices = sorted(
        {device for device, *_ in points}, key=lambda name: list(LOOKS).index(name) if name in LOOKS else 99
    )
    for device in devices:
        colour, shape = LOOKS.get(device, ("#6f7680", "circle"))
        marks = "".join(mark(shape, *axes.at(x, y)) for name, x, y in points if name == device)
        svg.parts.append(
            f'<path d="{marks}" fill="{colour}" fill-opacity="0.55" stroke="{colour}" stroke-width="0.5"/>'
        )
    legend(svg, rows, devices)
    svg.text(470, 376, f"{len(shown):,} of {len(rows):,} held-out rows", 12, colour=FAINT)
    svg.box(470, 387, 12, 12, BAND, GRID, 2)
    svg.text(489, 397, "within ±20 %", 12, colour=FAINT)
    return svg


def legend(svg, rows, devices):
    svg.text(470, 54, "device", 12, colour=FAINT)
    svg.text(668, 54, "mean error", 12, "end", FAINT)
    for index, device in enumerate(devices):
        colour, shape = LOOKS.get(device, ("#6f7680", "circle"))
        y = 78 + 22 * index
        svg.parts.append(f'<path d="{mark(shape, 475, y - 4.5, 4.5)}" fill="{colour}"/>')
        svg.text(488, y, device, 13, colour=INK)
        mean = statistics.fmean(row["error"] for row in rows if row["device"] == device)
        svg.text(668, y, f"{mean:.1f} %", 13, "end")


def mark(shape, x, y, r=2.6):
    """Part of a path: one point."""
    if shape == "square":
        s = r * 0.9
        return f"M{x - s:.1f} {y - s:.1f}h{2 * s:.1f}v{2 * s:.1f}h{-2 * s:.1f}z"
    if shape == "diamond":
        s = r * 1.25
        return f"M{x:.1f} {y - s:.1f}l{s:.1f} {s:.1f}l{-s:.1f} {s:.1f}l{-s:.1f} {-s:.1f}z"
    if shape == "triangle":
        s = r * 1.2
        return f"M{x:.1f} {y - s:.1f}l{s:.1f} {1.8 * s:.1f}h{-2 * s:.1f}z"
    return f"M{x - r:.1f} {y:.1f}a{r:g} {r:g} 0 1 0 {2 * r:g} 0a{r:g} {r:g} 0 1 0 {-2 * r:g} 0z"


def band_edge(ends, factor):
    low, high = ends
    inner = sorted({max(low, low / factor), min(high, high / factor)})
    return [(low, low * factor), *((x, x * factor) for x in inner), (high, high * factor)]


def clipped(x, y, ends):
    return x, min(max(y, ends[0]), ends[1])


def row_hash(row):
    return hashlib.sha256(",".join([*(row[name] for name in KEY), row["shape"], row["line"]]).encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
