"""Figures that show what memwall computes: each runs the program and reads its JSON."""

import json
import subprocess

from svg import COLOURS, FAINT, INK, LogAxes, Svg

FIRST_RUN = "scenarios/tutorial/first_run.yaml"


def draw_all(memwall, out):
    """Runs the scenarios behind the figures with the program given and draws what came out."""
    bandwidth(memwall).write(out / "bandwidth.svg")
    batch(memwall).write(out / "batch.svg")
    fig3(memwall).write(out / "fig3.svg")
    collectives(memwall).write(out / "collectives.svg")
    tensor_parallel(memwall).write(out / "tensor_parallel.svg")


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


def collectives(memwall):
    """Bus bandwidth of all-reduces over their size on three machines, with what was measured."""
    cases = run(memwall, "scenarios/explore/allreduce_dgx_h100.yaml")["cases"]
    svg = Svg(680, 440, "All-reduce over eight GPUs: bus bandwidth over size, predicted and measured")
    axes = LogAxes(svg, 70, 46, 460, 270, (512, 2**29), (3e7, 1.5e12))
    sizes = [(512, "512 B"), (2**14, "16 KiB"), (2**19, "512 KiB"), (2**24, "16 MiB"), (2**29, "512 MiB")]
    axes.frame(
        sizes,
        [(1e8, "0.1"), (1e9, "1"), (1e10, "10"), (1e11, "100"), (1e12, "1000")],
        "",
        "bus bandwidth in GB/s (log scale)",
    )
    colours = {"DGX A100": COLOURS["occupancy"], "DGX H100": COLOURS["bandwidth"], "DGX B200": COLOURS["compute"]}
    for case in cases:
        points, colour = case["points"], colours[case["name"]]
        svg.path([axes.at(point["bytes"], point["bus_bandwidth"]) for point in points], colour, 2)
        for point in points:
            if point.get("measured_s"):
                measured = point["bus_bandwidth"] * point["time_s"] / point["measured_s"]
                svg.dot(*axes.at(point["bytes"], measured), colour, 4, hollow=True)
    order = sorted(cases, key=lambda case: -case["points"][-1]["bus_bandwidth"])
    for row, case in enumerate(order):
        svg.text(544, axes.top + 34 + 20 * row, case["name"], 13, colour=colours[case["name"]], bold=True)
    svg.line(544, 138, 564, 138, INK, 2)
    svg.text(570, 142, "memwall", 12)
    svg.dot(554, 160, INK, 4, hollow=True)
    svg.text(570, 164, "measured", 12)
    svg.text(*axes.at(4500, 1.1e8), "latency: the time stays the same", 12, colour=FAINT)
    svg.text(*axes.at(4e8, 3.5e10), "bandwidth: the links are full", 12, "end", FAINT)
    _winners(svg, axes, next(case for case in cases if case["name"] == "DGX H100"))
    svg.text(axes.left + axes.width / 2, 424, "size of the buffer (log scale)", 13, "middle")
    return svg


def _winners(svg, axes, case):
    """A strip below the axes: what the library chose at each size."""
    runs = []
    for point in case["points"]:
        algorithm, protocol = point["algorithm"], point["protocol"]
        words = {"ll": "ring, LL", "ll128": "ring, LL128", "simple": "ring, Simple"}[protocol]
        words = "in network" if algorithm == "in_network" else words
        if runs and runs[-1][0] == words:
            runs[-1][2] = point["bytes"]
        else:
            runs.append([words, point["bytes"], point["bytes"]])
    shades = {"ring, LL": "latency", "ring, LL128": "efficiency", "ring, Simple": "launch", "in network": "compute"}
    low, high = axes.x
    svg.text(axes.left, 362, f"what the {case['name']} chose", 12, colour=FAINT)
    for words, first, last in runs:
        # Half a step of the sizes to either side.
        left = axes.at(max(low, first / 2**0.5), 1e9)[0]
        right = axes.at(min(high, last * 2**0.5), 1e9)[0]
        svg.box(left, 370, right - left - 1.5, 24, COLOURS[shades[words]], round=2)
        words = words if right - left > 70 else words.replace("ring, ", "")
        svg.text((left + right) / 2, 386, words, 11, "middle", "#ffffff")


def tensor_parallel(memwall):
    """Time of one token by what the matrix engine did, for 1 to 8 devices and two batches."""
    cases = run(memwall, "scenarios/explore/llama70b_tp.yaml")["cases"]
    tokens = 4
    svg = Svg(680, 400, "Llama 3 70B on 1 to 8 GPUs: time of one token, by cause")
    highest = max(case["time_s"] for case in cases) * 1e3 / tokens
    axes = LogAxes(svg, 60, 46, 440, 270, (0, 1), (0, highest * 1.12), log_x=False, log_y=False)
    step = _nice(highest / 5)
    ticks = [index * step for index in range(int(highest * 1.12 / step) + 1)]
    title = "time of a token in ms, by what the matrix engine spent it on"
    axes.frame([], [(tick, f"{tick:g}") for tick in ticks], "GPUs", title)
    bands = _bands(cases)
    alone, bottom = {}, axes.top + axes.height
    for index, case in enumerate(cases):
        keys = dict(part.split("=") for part in case["name"].split())
        x = axes.left + 18 + index * 50 + (26 if index >= len(cases) // 2 else 0)
        base = 0.0
        for _, colour, values in bands:
            top = base + values[index] * 1e3 / tokens
            y = axes.at(0, top)[1]
            svg.box(x, y, 38, axes.at(0, base)[1] - y, colour, round=0)
            base = top
        time = case["time_s"]
        first = alone.setdefault(keys["batch"], time)
        svg.text(x + 19, axes.at(0, base)[1] - 6, f"{first / time:.1f}x", 12, "middle", bold=True)
        svg.text(x + 19, bottom + 17, keys["tensor"], 12, "middle", FAINT)
        ideal = axes.at(0, first * 1e3 / tokens / int(keys["tensor"]))[1]
        svg.line(x - 4, ideal, x + 42, ideal, INK, 1.4, "3 2")
        if keys["tensor"] == "1":
            svg.text(x, bottom + 56, f"batch {keys['batch']}", 13, bold=True)
    for index, (label, colour, _) in enumerate(reversed(bands)):
        svg.box(514, 64 + 22 * index, 13, 13, colour, round=2)
        svg.text(533, 75 + 22 * index, label.replace("communication nvlink4", "communication"), 12)
    y = 64 + 22 * len(bands) + 16
    svg.line(512, y, 530, y, INK, 1.4, "3 2")
    svg.text(535, y + 4, "in proportion", 12)
    svg.text(512, y + 26, "2.0x: times as fast as one", 12, colour=FAINT)
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
