"""Figures of the chapters on how to move fewer bytes: each runs the program and reads its JSON."""

from results import run
from svg import COLOURS, FAINT, GRID, LogAxes, Svg


def tiers(memwall):
    """Bytes over each tier against the shared memory of a core."""
    cases = run(memwall, "scenarios/tutorial/reuse.yaml")["cases"]
    sizes = [float(case["name"].split("=")[1].split()[0]) for case in cases]
    svg = Svg(680, 380, "Bytes that cross each tier against the shared memory of a core")
    axes = LogAxes(svg, 80, 46, 420, 270, (8, 256), (0.1, 100))
    axes.frame(
        [(size, f"{size:g}") for size in (8, 16, 32, 64, 128, 256)],
        [(value, f"{value:g}") for value in (0.1, 1, 10, 100)],
        "shared memory of a core in KiB (log scale)",
        "GB that the next tier in asked for (log scale)",
    )
    compulsory = cases[0]["mops_bytes"] / 1e9
    ends = [axes.at(8, compulsory), axes.at(256, compulsory)]
    svg.path(ends, FAINT, 1, "4 4")
    svg.text(ends[1][0] + 10, ends[1][1] + 4, "each byte once", 12, colour=FAINT)
    names = {"l2": ("from L2", COLOURS["occupancy"]), "hbm": ("from HBM", COLOURS["bandwidth"])}
    for name, (label, colour) in names.items():
        moved = [_read(case, name) / 1e9 for case in cases]
        points = [axes.at(*point) for point in zip(sizes, moved)]
        svg.path(points, colour, 2)
        for point in points:
            svg.dot(*point, colour)
        svg.text(points[0][0] + 14, points[0][1] + 4, label, 13, colour=colour, bold=True)
    return svg


def _read(case, tier):
    return next(entry["bytes_read"] for entry in case["tiers"] if entry["name"] == tier)


def ladder(memwall):
    """Tokens per second as one saving is laid on top of the other."""
    cases = run(memwall, "scenarios/tutorial/fewer_bytes.yaml")["cases"]
    top = max(case["tokens_per_s"] for case in cases)
    svg = Svg(680, 60 + 44 * len(cases), "Tokens per second, one saving on top of the other")
    svg.text(20, 30, "tokens per second", 13)
    for index, case in enumerate(cases):
        y = 50 + 44 * index
        width = 290 * case["tokens_per_s"] / top
        svg.line(250, y - 4, 250, y + 34, GRID, 1)
        svg.text(240, y + 20, case["name"], 13, "end")
        svg.box(250, y, width, 28, COLOURS["compute"])
        times = case["tokens_per_s"] / cases[0]["tokens_per_s"]
        label = f"{case['tokens_per_s']:,.0f}" + ("" if index == 0 else f"  (x{times:.1f})")
        svg.text(258 + width, y + 19, label, 13, bold=True)
    return svg
