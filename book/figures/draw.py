"""Draws the book's figures into book/src/img.

Usage, from the repository root:
    python3 book/figures/draw.py                             the figures that need no simulation
    python3 book/figures/draw.py target/release/memwall      all of them

Figures that show results run memwall and read its JSON, so that none shows a number that was typed in.
"""

import csv
import datetime
import math
import pathlib
import sys

import traffic
import results
from svg import COLOURS, FAINT, GRID, INK, LogAxes, Svg

HERE = pathlib.Path(__file__).parent
OUT = HERE.parent / "src" / "img"


def main():
    OUT.mkdir(exist_ok=True)
    for draw in (wall, house, intensity, reuse, waves, ledger, data_flow, ring, pipeline):
        draw().write(OUT / f"{draw.__name__}.svg")
    if len(sys.argv) > 1:
        results.draw_all(sys.argv[1], OUT)
        traffic.tiers(sys.argv[1]).write(OUT / "tiers.svg")
        traffic.ladder(sys.argv[1]).write(OUT / "ladder.svg")


def wall():
    """Fig. 1 of the paper, redrawn: three series and their log-linear fits."""
    svg = Svg(680, 400, "Peak compute, DRAM bandwidth and interconnect bandwidth since 1996")
    axes = LogAxes(svg, 70, 50, 440, 290, (1996, 2024), (0.4, 1e7), log_x=False)
    axes.frame(
        [(year, year) for year in range(1996, 2025, 4)],
        [(10**power, f"10^{power}" if power > 3 else f"{10**power:,}") for power in range(0, 8)],
        "year",
        "growth since the first point of each series (log scale)",
    )
    names = {
        "HW_FLOPS": ("peak compute", COLOURS["compute"]),
        "DRAM_BW": ("DRAM bandwidth", COLOURS["bandwidth"]),
        "INTERCONNECT_BW": ("interconnect", COLOURS["launch"]),
    }
    points = {name: [] for name in names}
    with open(HERE / "hardware_trends.csv", encoding="utf-8") as lines:
        for row in csv.DictReader(line for line in lines if not line.startswith("#")):
            day = datetime.date.fromisoformat(row["date"])
            points[row["series"]].append((day.year + day.timetuple().tm_yday / 365.25, float(row["normalized"])))
    for name, (label, colour) in names.items():
        slope, start = fit(points[name])
        first, last = min(points[name])[0], max(points[name])[0]
        ends = [(year, math.exp(start + slope * year)) for year in (first, last)]
        svg.path([axes.at(*end) for end in ends], colour, 2)
        for point in points[name]:
            svg.dot(*axes.at(*point), colour, 2.8)
        x, y = axes.at(2024, ends[1][1])
        y += {"DRAM_BW": -14, "INTERCONNECT_BW": 10}.get(name, 0)
        svg.text(x + 10, y, label, 13, colour=colour, bold=True)
        svg.text(x + 10, y + 16, f"x{math.exp(2 * slope):.2f} every two years", 12, colour=colour)
    return svg


def fit(points):
    """Slope and intercept of ln(value) over time, by least squares."""
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(math.log(y) for _, y in points) / count
    slope = sum((x - mean_x) * (math.log(y) - mean_y) for x, y in points) / sum(
        (x - mean_x) ** 2 for x, _ in points
    )
    return slope, mean_y - slope * mean_x


def house():
    """A machine as memwall sees it: tiers, links, engines."""
    svg = Svg(680, 250, "A machine is memory tiers joined by links, with engines at the end")
    tiers = [
        ("storage", "TBs", "GB/s"),
        ("DRAM (HBM)", "80 GB", "3.35 TB/s"),
        ("L2 cache", "50 MB", "several TB/s"),
        ("core memory", "227 KiB each", "tens of TB/s"),
    ]
    x, width, gap = 24, 100, 42
    for index, (name, holds, rate) in enumerate(tiers):
        height = 150 - 28 * index
        svg.box(x, 118 - height / 2, width, height, "#f3f5f7", FAINT)
        svg.text(x + width / 2, 114, name, 12, "middle", bold=True)
        svg.text(x + width / 2, 132, holds, 12, "middle", FAINT)
        svg.line(x + width + 2, 118, x + width + gap - 2, 118, COLOURS["bandwidth"], 1.5 + 1.2 * index)
        svg.text(x + width + gap / 2, 214, rate, 11, "middle", COLOURS["bandwidth"])
        svg.line(x + width + gap / 2, 128, x + width + gap / 2, 200, GRID, 1)
        x += width + gap
    svg.box(x, 84, 78, 68, "#e6f1ea", COLOURS["compute"])
    svg.text(x + 39, 114, "engines", 13, "middle", COLOURS["compute"], bold=True)
    svg.text(x + 39, 132, "FLOP/s", 12, "middle", COLOURS["compute"])
    svg.text(24, 28, "Whatever moves is a flow; whatever limits a flow is a link.", 14, bold=True)
    svg.text(24, 240, "bandwidth of each link", 12, colour=COLOURS["bandwidth"])
    return svg


def intensity():
    """The roofline of an H100 (dense bf16, HBM3), drawn from its two datasheet figures."""
    svg = Svg(680, 380, "A roofline: what a machine can reach at each arithmetic intensity")
    peak, bandwidth = 989.4e12, 3.35e12
    axes = LogAxes(svg, 80, 50, 560, 270, (0.5, 4096), (1e12, 2e15))
    axes.frame(
        [(2**power, 2**power) for power in range(0, 13, 2)],
        [(1e12, "1"), (1e13, "10"), (1e14, "100"), (1e15, "1000")],
        "arithmetic intensity: FLOPs for each byte from memory (log scale)",
        "TFLOP/s (log scale)",
    )
    ridge = peak / bandwidth
    svg.path([axes.at(0.5, 0.5 * bandwidth), axes.at(ridge, peak)], COLOURS["bandwidth"], 3)
    svg.path([axes.at(ridge, peak), axes.at(4096, peak)], COLOURS["compute"], 3)
    x, y = axes.at(ridge, peak)
    svg.line(x, y, x, axes.top + axes.height, FAINT, 1, "4 4")
    svg.text(x + 8, axes.top + axes.height - 10, f"ridge point: {ridge:.0f} FLOPs a byte", 12, colour=FAINT)
    svg.text(*_shift(axes.at(1.5, 1.5 * bandwidth), -8, -14), "limited by memory: 3.35 TB/s x intensity", 13,
             colour=COLOURS["bandwidth"], rotate=-33)
    svg.text(*_shift(axes.at(ridge, peak), 40, -10), "limited by compute", 13, colour=COLOURS["compute"])
    for value, label in ((1, "decode, batch 1"), (16, "decode, batch 16"), (2048, "prefill")):
        reached = min(peak, value * bandwidth)
        svg.dot(*axes.at(value, reached), INK, 5)
        side = -10 if value > 1000 else 12
        svg.text(*_shift(axes.at(value, reached), side, 20), label, 12, "end" if side < 0 else "start")
    return svg


def reuse():
    """Why a vector reuses nothing and a block of rows does."""
    svg = Svg(680, 270, "Weights are read once however many rows use them")
    for left, rows, title, note in (
        (40, 1, "decode: one row", "each weight is used once: 2 FLOPs for 2 bytes"),
        (370, 8, "prefill: many rows", "each is used by every row: 2 x rows FLOPs"),
    ):
        svg.text(left, 34, title, 15, bold=True)
        cell = 11
        for row in range(rows):
            for column in range(8):
                svg.box(left + column * cell, 110 + (row - rows / 2) * cell, cell - 2, cell - 2, COLOURS["compute"], round=1)
        svg.text(left + 100, 116, "x", 16)
        for row in range(8):
            for column in range(14):
                svg.box(left + 122 + column * cell, 64 + row * cell, cell - 2, cell - 2, COLOURS["bandwidth"], round=1)
        svg.text(left + 44, 184, "activations", 12, "middle", COLOURS["compute"])
        svg.text(left + 199, 184, "weights, from memory", 12, "middle", COLOURS["bandwidth"])
        svg.text(left, 222, note, 12)
    svg.text(40, 250, "16-bit weights; a multiply-accumulate is two FLOPs", 12, colour=FAINT)
    return svg


def waves():
    """Tiles of an output matrix on eight cores: two full waves and a tail."""
    svg = Svg(680, 300, "Tiles run in waves; the last wave is a tail")
    svg.text(24, 32, "output C, cut into 20 tiles", 14, bold=True)
    shades = [COLOURS["occupancy"], COLOURS["efficiency"], COLOURS["latency"]]
    for tile in range(20):
        x, y = 24 + tile % 5 * 40, 54 + tile // 5 * 40
        svg.box(x, y, 37, 37, shades[tile // 8])
        svg.text(x + 18, y + 23, tile + 1, 12, "middle", "#ffffff")
    svg.text(300, 32, "8 cores over time", 14, bold=True)
    for core in range(8):
        y = 54 + core * 24
        svg.text(292, y + 14, core + 1, 11, "end", FAINT)
        for wave in range(3):
            x = 300 + wave * 112
            if wave * 8 + core < 20:
                svg.box(x, y, 14, 19, COLOURS["ramp"], round=1)
                svg.box(x + 14, y, 92, 19, shades[wave], round=1)
                svg.text(x + 60, y + 14, wave * 8 + core + 1, 11, "middle", "#ffffff")
            else:
                svg.box(x, y, 106, 19, "#ffffff", GRID, 1)
                svg.text(x + 53, y + 14, "idle", 11, "middle", FAINT)
    for wave, label in enumerate(("wave 1", "wave 2", "tail: half of the cores")):
        svg.text(300 + wave * 112, 264, label, 12)
    svg.box(24, 232, 12, 12, COLOURS["ramp"], round=1)
    svg.text(42, 243, "ramp: the first load of a wave,", 12)
    svg.text(42, 259, "nothing to hide it behind", 12)
    svg.text(24, 284, "the idle cores of the tail are booked as occupancy", 12, colour=FAINT)
    return svg


def ledger():
    """One engine's time, cut into what it was spent on."""
    svg = Svg(680, 220, "The ledger: every picosecond of an engine is booked once")
    spans = [
        ("launch", 46, "the host has not issued it"),
        ("ramp", 40, "first fill"),
        ("compute", 70, "busy"),
        ("bandwidth", 190, "waits for a flow that a full link holds back"),
        ("compute", 50, "busy"),
        ("latency", 60, ""),
        ("compute", 60, "busy"),
        ("occupancy", 116, "tail: idle cores"),
    ]
    svg.text(24, 34, "one engine, one operator", 14, bold=True)
    x = 24
    for cause, width, _ in spans:
        svg.box(x, 58, width - 2, 46, COLOURS[cause], round=2)
        if width > 44:
            svg.text(x + width / 2, 86, "busy" if cause == "compute" else cause, 12, "middle", "#ffffff")
        x += width
    svg.text(24, 124, "0", 12, colour=FAINT)
    svg.text(x - 2, 124, "wall time", 12, "end", FAINT)
    svg.line(24, 108, x - 2, 108, FAINT, 1)
    totals = {}
    for cause, width, _ in spans:
        totals[cause] = totals.get(cause, 0) + width
    x = 24
    for cause, width in sorted(totals.items(), key=lambda item: (item[0] != "compute", -item[1])):
        svg.box(x, 142, width - 2, 22, COLOURS[cause], round=2)
        x += width
    svg.text(24, 190, "the same picture, sorted: units x wall = busy + sum(stalls), in whole picoseconds", 13)
    return svg


def data_flow():
    """From a YAML file to a report."""
    svg = Svg(680, 150, "From scenario to report")
    steps = [
        ("scenario", "YAML"),
        ("graph + part", "what, on what"),
        ("plan", "tiles, waves"),
        ("engine", "flows, events"),
        ("record", "what happened"),
        ("report", "table, JSON, CSV"),
    ]
    x = 16
    for index, (name, note) in enumerate(steps):
        svg.box(x, 44, 94, 56, "#f3f5f7", FAINT)
        svg.text(x + 47, 70, name, 12, "middle", bold=True)
        svg.text(x + 47, 88, note, 11, "middle", FAINT)
        if index:
            svg.line(x - 16, 72, x - 2, 72, INK, 1.5, arrow=True)
        x += 110
    return svg


def ring():
    """A ring of four devices that add up their buffers, piece by piece."""
    svg = Svg(680, 260, "A ring of four devices: each sends one piece a step to the next")
    shades = [COLOURS["occupancy"], COLOURS["bandwidth"], COLOURS["compute"], COLOURS["launch"]]
    svg.text(24, 32, "one step: every device sends one piece to the right and adds the one it gets", 14, bold=True)
    width, gap, top = 118, 48, 62
    for device in range(4):
        x = 32 + device * (width + gap)
        svg.box(x, top, width, 82, "#f3f5f7", FAINT)
        svg.text(x + width / 2, top + 24, f"device {device}", 12, "middle", bold=True)
        for piece in range(4):
            sends = piece == device
            colour = shades[piece] if sends else "#ffffff"
            svg.box(x + 11 + piece * 25, top + 40, 21, 24, colour, shades[piece], 2)
        if device < 3:
            svg.line(x + width + 3, top + 52, x + width + gap - 4, top + 52, INK, 1.8, arrow=True)
            svg.box(x + width + gap / 2 - 8, top + 24, 16, 18, shades[device], None, 2)
    first, last = 32 + width / 2, 32 + 3 * (width + gap) + width / 2
    for ends in (((last, top + 84), (last, top + 112)), ((last, top + 112), (first, top + 112))):
        svg.line(*ends[0], *ends[1], INK, 1.8)
    svg.line(first, top + 112, first, top + 86, INK, 1.8, arrow=True)
    svg.box((first + last) / 2 - 8, top + 103, 16, 18, shades[3], None, 2)
    svg.text(24, 212, "3 steps: each device has one piece of the total. 3 more pass those pieces on to everyone.", 13)
    sent = "with n devices: 2 x (n - 1) steps, and each sends 2 x (n - 1) / n of its buffer"
    svg.text(24, 236, sent, 12, colour=FAINT)
    return svg


def pipeline():
    """Four stages over time: one batch, and the same batch in four parts."""
    svg = Svg(680, 360, "A pipeline's bubble, with one batch and with four micro-batches")
    shades = [COLOURS["occupancy"], COLOURS["efficiency"], COLOURS["latency"], COLOURS["compute"]]
    unit, row = 34, 26
    for top, parts, title in (
        (62, 1, "one batch: each stage works a quarter of the time"),
        (214, 4, "four micro-batches: the next stage starts after the first of them"),
    ):
        svg.text(24, top - 22, title, 14, bold=True)
        length = 4 // parts * unit
        end = (parts + 3) * length
        for stage in range(4):
            y = top + stage * row
            svg.text(24, y + 15, f"stage {stage}", 12, colour=FAINT)
            svg.box(84, y, end, row - 4, COLOURS["idle"], None, 2)
            for part in range(parts):
                x = 84 + (stage + part) * length
                svg.box(x, y, length - 1.5, row - 4, shades[part], None, 2)
                svg.text(x + length / 2, y + 15, part + 1 if parts > 1 else "whole batch", 11, "middle", "#ffffff")
        if parts > 1:
            svg.text(84 + end + 14, top + 40, "grey: the bubble", 12, colour=FAINT)
            svg.text(84 + end + 14, top + 58, "3 of 7 instead of 3 of 4", 12, colour=FAINT)
    svg.line(84, 334, 628, 334, FAINT, 1.2, arrow=True)
    svg.text(636, 338, "time", 12, colour=FAINT)
    return svg


def _shift(point, x, y):
    return point[0] + x, point[1] + y


if __name__ == "__main__":
    main()
