"""Figures that show what memwall computes: each runs the program and reads its JSON."""

import json
import pathlib
import shutil
import subprocess
import tempfile

from svg import COLOURS, FAINT, INK, LogAxes, Svg

FIRST_RUN = "scenarios/tutorial/first_run.yaml"


def draw_all(memwall, out):
    """Runs the scenarios behind the figures with the program given and draws what came out."""
    bandwidth(memwall).write(out / "bandwidth.svg")
    batch(memwall).write(out / "batch.svg")
    fig3(memwall).write(out / "fig3.svg")
    own_pictures(memwall, out)


# Pictures that memwall draws itself: the scenario, the name of its chart, and what the book calls it.
OWN = [
    (FIRST_RUN, "roofline", "first_run_roofline"),
    (FIRST_RUN, "operators", "first_run_operators"),
    ("scenarios/explore/allreduce_dgx_h100.yaml", "bus-bandwidth", "collectives"),
    ("scenarios/explore/llama70b_tp.yaml", "comparison", "tensor_parallel"),
]


def own_pictures(memwall, out):
    """Copies charts of `memwall run --svg`."""
    for scenario in dict.fromkeys(scenario for scenario, _, _ in OWN):
        with tempfile.TemporaryDirectory() as folder:
            command = [memwall, "run", scenario, "--format", "json", "--svg", folder]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            for _, chart, name in (own for own in OWN if own[0] == scenario):
                shutil.copyfile(pathlib.Path(folder) / f"{chart}.svg", out / f"{name}.svg")


def run(memwall, scenario, *options):
    """The document that `memwall run` prints for a scenario."""
    command = [memwall, "run", scenario, "--format", "json", *options]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def bandwidth(memwall):
    """The first run at different HBM bandwidths: time per step, by what the matrix engine did."""
    speeds = [1, 1.4, 2, 2.6, 3.35, 4, 5, 6, 6.7, 7.5, 8.5, 9.2, 10, 12, 15, 20]
    cases = [
        run(memwall, FIRST_RUN, "--set", f"hardware.memory.hbm.bandwidth={speed} TB/s")["cases"][0]
        for speed in speeds
    ]
    svg = Svg(680, 400, "Time of the first run against HBM bandwidth, by cause")
    highest = max(case["time_s"] for case in cases) * 1.05
    axes = LogAxes(svg, 70, 46, 440, 290, (1, 20), (0, highest * 1e3), log_y=False)
    step = _nice(highest * 1e3 / 5)
    ticks = [index * step for index in range(int(highest * 1e3 / step) + 1)]
    axes.frame(
        [(speed, f"{speed:g}") for speed in (1, 2, 3.35, 5, 6.7, 10, 20)],
        [(tick, f"{tick:g}") for tick in ticks],
        "HBM bandwidth in TB/s (log scale)",
        "time of the run in ms, by what the matrix engine spent it on",
    )
    bands = _bands(cases)
    base = [0.0] * len(speeds)
    for _, colour, values in bands:
        top = [low + value for low, value in zip(base, values)]
        outline = [axes.at(speed, value * 1e3) for speed, value in zip(speeds, top)]
        outline += [axes.at(speed, value * 1e3) for speed, value in reversed(list(zip(speeds, base)))]
        where = " ".join(f"{x:.1f},{y:.1f}" for x, y in outline)
        svg.parts.append(f'<polygon points="{where}" fill="{colour}"/>')
        base = top
    for index, (label, colour, _) in enumerate(reversed(bands)):
        svg.box(526, 60 + 22 * index, 13, 13, colour, round=2)
        svg.text(545, 71 + 22 * index, label, 12)
    x = axes.at(3.35, 0)[0]
    svg.line(x, axes.top, x, axes.top + axes.height, "#ffffff", 1.2, "4 3")
    svg.text(x + 5, axes.top + 14, "H100", 12, colour=FAINT)
    return svg


def _bands(cases):
    """Seconds by cause and place for each case, the five largest apart and the rest together."""
    sums = []
    for case in cases:
        engine = case["engines"][0]
        scale = case["time_s"] / (engine["units"] * engine["wall_ps"])
        entry = {("compute", None): engine["busy_ps"] * scale}
        for stall in engine["stalls"]:
            key = (stall["cause"], stall.get("where"))
            entry[key] = entry.get(key, 0) + stall["ps"] * scale
        sums.append(entry)
    keys = sorted({key for entry in sums for key in entry}, key=lambda key: -max(e.get(key, 0) for e in sums))
    bands, used = [], {}
    for key in keys[:6]:
        cause, where = key
        tint = used.get(cause, 0)
        used[cause] = tint + 1
        colour = _lighter(COLOURS.get(cause, FAINT), 0.35 * tint)
        bands.append((cause if where is None else f"{cause} {where}", colour, [e.get(key, 0) for e in sums]))
    rest = [sum(value for key, value in e.items() if key not in keys[:6]) for e in sums]
    if max(rest) > 0:
        bands.append(("the rest", COLOURS["idle"], rest))
    return bands


def batch(memwall):
    """Tokens per second against batch, for two contexts."""
    cases = run(memwall, "scenarios/tutorial/batch.yaml")["cases"]
    lines = {}
    for case in cases:
        keys = dict(part.split("=") for part in case["name"].split())
        lines.setdefault(int(keys["context"]), []).append((int(keys["batch"]), case["tokens_per_s"]))
    top = max(value for line in lines.values() for _, value in line)
    low = min(value for line in lines.values() for _, value in line)
    svg = Svg(680, 380, "Tokens per second against batch")
    axes = LogAxes(svg, 80, 46, 430, 270, (1, 128), (low / 1.5, top * 1.5))
    decades = [10**power for power in range(1, 7) if low / 1.5 <= 10**power <= top * 1.5]
    axes.frame(
        [(2**power, 2**power) for power in range(8)],
        [(value, f"{value:,}") for value in decades],
        "sequences decoded together (log scale)",
        "tokens per second (log scale)",
    )
    colours = [COLOURS["compute"], COLOURS["bandwidth"], COLOURS["launch"]]
    first = min(lines.values(), key=lambda line: line[0][0])[0][1]
    svg.path([axes.at(1, first), axes.at(min(128, top * 1.4 / first), min(128 * first, top * 1.4))], FAINT, 1, "4 4")
    for (context, line), colour in zip(sorted(lines.items()), colours):
        svg.path([axes.at(*point) for point in line], colour, 2)
        for point in line:
            svg.dot(*axes.at(*point), colour)
        x, y = axes.at(*line[-1])
        svg.text(x + 10, y + 4, f"context {context}", 13, colour=colour, bold=True)
    svg.text(526, 170, "dashed: in proportion", 12, colour=FAINT)
    return svg


def fig3(memwall):
    """Normalised latency of the paper's Fig. 3d: published against simulated."""
    cases = run(memwall, "scenarios/paper/fig3.yaml")["cases"]
    svg = Svg(680, 420, "Fig. 3d: published and simulated latency")
    axes = LogAxes(svg, 70, 46, 440, 310, (110, 4800), (0.7, 5000))
    axes.frame(
        [(length, length) for length in (128, 256, 512, 1024, 2048, 4096)],
        [(value, f"{value:,}") for value in (1, 10, 100, 1000)],
        "tokens (log scale)",
        "latency relative to BERT-Base at 128 tokens (log scale)",
    )
    colours = {"BERT-Base": COLOURS["compute"], "BERT-Large": COLOURS["occupancy"], "GPT-2": COLOURS["bandwidth"]}
    for model, colour in colours.items():
        points = _latencies(cases, model)
        svg.path([axes.at(length, ours) for length, ours, _ in points], colour, 2)
        for length, _, published in points:
            svg.dot(*axes.at(length, published), colour, 4.5, hollow=True)
        x, y = axes.at(*points[-1][:2])
        svg.text(x + 12, y + 4, model, 13, colour=colour, bold=True)
    svg.line(526, 320, 548, 320, INK, 2)
    svg.text(554, 324, "memwall", 12)
    svg.dot(537, 342, INK, 4.5, hollow=True)
    svg.text(554, 346, "published", 12)
    return svg


def _latencies(cases, model):
    """(tokens, ours, published) of a model's cases, both relative to the first case."""
    points = []
    for case in cases:
        name, length = case["name"].rsplit(" ", 1)
        latency = next(entry for entry in case["comparisons"] if entry["quantity"] == "latency")
        if name == model:
            points.append((int(length), case["time_s"] / cases[0]["time_s"], latency["published"]))
    return points


def _nice(step):
    """A round number near a step between ticks."""
    power = 1.0
    while power * 10 <= step:
        power *= 10
    while power > step:
        power /= 10
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= step)


def _lighter(colour, share):
    parts = [int(colour[index : index + 2], 16) for index in (1, 3, 5)]
    return "#" + "".join(f"{round(part + (255 - part) * share):02x}" for part in parts)
