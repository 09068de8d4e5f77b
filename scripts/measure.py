#!/usr/bin/env python3
"""Measures matmuls, attention and elementwise operations on your own GPU, as rows that `memwall validate` and
`memwall calibrate` read: gemm.csv, attention.csv and elementwise.csv, with measured.json beside them.

    python3 scripts/measure.py --device h100-sxm --out measured/          about ten minutes
    python3 scripts/measure.py --device h100-sxm --out measured/ --quick  about one
    python3 scripts/measure.py --dry-run                                  only lists what would be measured

It needs PyTorch 2.5 or later with a GPU and nothing else; --dry-run needs neither. Each kernel is timed with device events, inside a
CUDA graph (or, with --stream, issued one by one), after a warm-up; the median of the repeats counts. Shapes come from a
fixed list, so two machines measure the same ones. Matmuls go round as many weight buffers as together exceed the L2
cache four times over (`weight_copies`), as the layers of a model do; everything else is reused and so warm where it fits.
"""

import argparse
import csv
import json
import pathlib
import random
import statistics
import sys

GEMM = "kind device software dtype batch m n k seconds weight_copies source".split()
ATTENTION = (
    "kind device software phase dtype kv_dtype batch q_len kv_len heads kv_heads head_dim window seconds source"
).split()
ELEMENTWISE = "kind device software op dtype rows cols seconds source".split()
HEADERS = {"gemm": GEMM, "attention": ATTENTION, "elementwise": ELEMENTWISE}

# Sides that models have, beside the drawn ones.
MODEL_SIDES = [(4096, 4096), (6144, 4096), (4096, 14336), (28672, 4096), (8192, 8192), (128256, 4096)]
OPS = ["add", "mul", "copy", "relu", "gelu", "tanh", "silu_mul", "softmax", "layernorm", "rmsnorm"]
SEED = 20240314
# Buffers of one row together, at most.
MOST_BYTES = 4 << 30


def main():
    args = arguments()
    shapes = {"gemm": gemms(args.quick), "attention": attentions(args.quick), "elementwise": elementwises(args.quick)}
    shapes = {kind: shapes[kind] for kind in args.kinds}
    if args.dry_run:
        dry_run(shapes, args)
        return 0
    if not args.device:
        print("measure.py: --device is needed: the name `memwall hardware list` gives your GPU", file=sys.stderr)
        return 2
    try:
        bench = Bench(args)
    except (ImportError, RuntimeError) as error:
        print(f"measure.py: {error}; --dry-run needs no GPU", file=sys.stderr)
        return 3
    args.out.mkdir(parents=True, exist_ok=True)
    for kind, rows in shapes.items():
        write(args.out / f"{kind}.csv", kind, rows, bench, args)
    (args.out / "measured.json").write_text(json.dumps(bench.about(), indent=2) + "\n", encoding="utf-8")
    return 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", help="memwall's name of this GPU, for the `device` column")
    parser.add_argument("--software", help="label for the `software` column; torch-graph or torch-stream unless given")
    parser.add_argument("--dtype", choices=["bf16", "fp16", "fp32"], default="bf16")
    parser.add_argument("--kinds", nargs="+", choices=list(HEADERS), default=list(HEADERS))
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("measured"), help="folder to write to")
    parser.add_argument("--stream", action="store_true", help="issue kernel by kernel instead of a CUDA graph")
    parser.add_argument("--repeats", type=int, default=20, help="timings of which the median counts")
    parser.add_argument("--quick", action="store_true", help="about a ninth of the shapes")
    parser.add_argument("--dry-run", action="store_true", help="print the rows without times; needs no GPU and no torch")
    return parser.parse_args()


# --- what to measure ---


def gemms(quick):
    """(batch, m, n, k): sides of models with few to many rows, then drawn ones, odd ones among them."""
    draw = random.Random(SEED)
    rows = [(1, m, n, k) for n, k in MODEL_SIDES for m in (1, 8, 64, 512, 4096)]
    for _ in range(160):
        rows.append((1, side(draw, 1, 16384), side(draw, 64, 16384), side(draw, 64, 16384)))
    for _ in range(30):
        rows.append((2 ** draw.randint(1, 6), side(draw, 16, 2048), side(draw, 64, 2048), side(draw, 64, 2048)))
    return thinned(rows, quick)


def attentions(quick):
    """(phase, batch, q_len, kv_len, heads, kv_heads, head_dim)."""
    draw = random.Random(SEED + 1)
    heads = [(32, 8, 128), (32, 32, 128), (16, 16, 64), (64, 8, 128), (8, 1, 128)]
    rows = []
    for index in range(60):
        batch, length = 2 ** draw.randint(0, 4), side(draw, 64, 8192)
        rows.append(("prefill", batch, length, length, *heads[index % len(heads)]))
    for index in range(60):
        batch, length = 2 ** draw.randint(0, 7), side(draw, 64, 32768)
        _, kv_heads, head_dim = heads[index % len(heads)]
        # Keys and values of two bytes each.
        while batch > 1 and batch * length * kv_heads * head_dim * 4 > MOST_BYTES:
            batch //= 2
        rows.append(("decode", batch, 1, length, *heads[index % len(heads)]))
    return thinned(rows, quick)


def elementwises(quick):
    """(op, rows, cols)."""
    draw = random.Random(SEED + 2)
    rows = []
    for index in range(18 * len(OPS)):
        rows.append((OPS[index % len(OPS)], side(draw, 1, 32768), side(draw, 128, 16384)))
    return thinned(rows, quick)


def side(draw, low, high):
    """A length whose logarithm is even between both; three in four are multiples of 8, as in most models."""
    length = round(low * (high / low) ** draw.random())
    return length if length < 8 or draw.random() < 0.25 else length // 8 * 8


def thinned(rows, quick):
    rows = list(dict.fromkeys(rows))
    return rows[::9] if quick else rows


def row(kind, shape, args, seconds="", copies="", source=""):
    """One line of a file, in the order of its header."""
    found = {"kind": kind, "device": args.device or "", "software": software(args), "dtype": args.dtype}
    found |= {"seconds": seconds, "source": source}
    if kind == "gemm":
        found |= dict(zip(("batch", "m", "n", "k"), shape), weight_copies=copies)
    elif kind == "attention":
        names = ("phase", "batch", "q_len", "kv_len", "heads", "kv_heads", "head_dim")
        found |= dict(zip(names, shape), kv_dtype=args.dtype, window=0)
    else:
        found |= dict(zip(("op", "rows", "cols"), shape))
    return [found[name] for name in HEADERS[kind]]


def software(args):
    return args.software or ("torch-stream" if args.stream else "torch-graph")


def dry_run(shapes, args):
    out = csv.writer(sys.stdout, lineterminator="\n")
    for kind, rows in shapes.items():
        out.writerow(HEADERS[kind])
        out.writerows(row(kind, shape, args) for shape in rows)


# --- measuring ---


def write(path, kind, shapes, bench, args):
    measure = {"gemm": bench.gemm, "attention": bench.attention, "elementwise": bench.elementwise}[kind]
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(HEADERS[kind])
        for index, shape in enumerate(shapes):
            print(f"\r{kind} {index + 1} of {len(shapes)}  ", end="", file=sys.stderr, flush=True)
            try:
                seconds, copies = measure(*shape)
            except bench.torch.cuda.OutOfMemoryError:
                print(f"left out, not enough memory: {kind} {shape}", file=sys.stderr)
                bench.torch.cuda.empty_cache()
                continue
            out.writerow(row(kind, shape, args, f"{seconds:.4e}", copies, bench.source))
    print(file=sys.stderr)


class Bench:
    """Times calls on the GPU."""

    def __init__(self, args):
        import torch

        if not torch.cuda.is_available():
            raise RuntimeError("PyTorch finds no GPU")
        self.torch, self.args = torch, args
        self.dtype = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[args.dtype]
        # fp32 rows are without TF32.
        torch.backends.cuda.matmul.allow_tf32 = False
        self.properties = torch.cuda.get_device_properties(0)
        self.source = f"measure.py, torch {torch.__version__}, {self.properties.name}"
        self.l2 = getattr(self.properties, "L2_cache_size", 0) or 64 << 20

    def about(self):
        """What the rows do not say: for the file beside them."""
        torch, found = self.torch, {}
        for name in ("clock_rate", "power_draw", "temperature"):
            try:
                found[name] = getattr(torch.cuda, name)()
            except Exception:  # Only where NVML's Python package is there; the times are worth the same without.
                found[name] = None
        return {
            "gpu": self.properties.name,
            "torch": torch.__version__,
            "cuda": torch.version.cuda,
            "hip": getattr(torch.version, "hip", None),
            "driver": driver(),
            "multiprocessors": self.properties.multi_processor_count,
            "memory_bytes": self.properties.total_memory,
            "l2_bytes": self.l2,
            "clock_mhz_at_end": found["clock_rate"],
            "power_mw_at_end": found["power_draw"],
            "temperature_c_at_end": found["temperature"],
            "launch": "stream" if self.args.stream else "graph",
            "repeats": self.args.repeats,
            "seed": SEED,
        }

    def tensor(self, *shape):
        return self.torch.randn(*shape, device="cuda", dtype=self.dtype)

    def gemm(self, batch, m, n, k):
        size = batch * n * k * self.tensor(1).element_size()
        copies = max(1, min(64, -(-4 * self.l2 // size), MOST_BYTES // size))
        a = self.tensor(batch, m, k)
        weights = [self.tensor(batch, k, n) for _ in range(copies)]
        out = self.tensor(batch, m, n)
        if batch == 1:
            a, weights, out = a[0], [weight[0] for weight in weights], out[0]
        calls = [lambda weight=weight: self.torch.matmul(a, weight, out=out) for weight in weights]
        return self.time(calls), copies

    def attention(self, phase, batch, q_len, kv_len, heads, kv_heads, head_dim):
        query = self.tensor(batch, heads, q_len, head_dim)
        key, value = self.tensor(batch, kv_heads, kv_len, head_dim), self.tensor(batch, kv_heads, kv_len, head_dim)
        attend = self.torch.nn.functional.scaled_dot_product_attention

        def call():
            return attend(query, key, value, is_causal=phase == "prefill", enable_gqa=heads != kv_heads)

        return self.time([call]), ""

    def elementwise(self, op, rows, cols):
        torch, functional = self.torch, self.torch.nn.functional
        a, b, out = self.tensor(rows, cols), self.tensor(rows, cols), self.tensor(rows, cols)
        weight, bias = self.tensor(cols), self.tensor(cols)
        calls = {
            "add": lambda: torch.add(a, b, out=out),
            "mul": lambda: torch.mul(a, b, out=out),
            "copy": lambda: out.copy_(a),
            "relu": lambda: functional.relu(a),
            "gelu": lambda: functional.gelu(a),
            "tanh": lambda: torch.tanh(a, out=out),
            "silu_mul": lambda: functional.silu(a) * b,
            "softmax": lambda: torch.softmax(a, dim=-1),
            "layernorm": lambda: functional.layer_norm(a, (cols,), weight, bias),
            "rmsnorm": lambda: functional.rms_norm(a, (cols,), weight),
        }
        return self.time([calls[op]]), ""

    def time(self, calls):
        """Median seconds of one call. As many are timed together as take a millisecond, and at least one round."""
        torch = self.torch
        for call in calls:
            call()
        torch.cuda.synchronize()
        once = max(self.elapsed(lambda: [call() for call in calls]) / len(calls), 1e-7)
        rounds = max(1, min(200, round(1e-3 / (once * len(calls)))))

        def many():
            for _ in range(rounds):
                for call in calls:
                    call()

        work = many if self.args.stream else self.captured(many)
        for _ in range(3):
            work()
        times = [self.elapsed(work) for _ in range(self.args.repeats)]
        return statistics.median(times) / (rounds * len(calls))

    def captured(self, work):
        """`work` as a CUDA graph, after the warm-up on a side stream that capturing asks for."""
        torch = self.torch
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            work()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            work()
        return graph.replay

    def elapsed(self, work):
        torch = self.torch
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        work()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) * 1e-3


def driver():
    """The driver's version, where the kernel tells."""
    try:
        text = pathlib.Path("/proc/driver/nvidia/version").read_text(encoding="utf-8")
    except OSError:
        return None
    return text.splitlines()[0].strip()


if __name__ == "__main__":
    sys.exit(main())
