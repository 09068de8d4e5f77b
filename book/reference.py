"""Writes the book's reference pages from what they describe, so that they cannot drift from it:
scenario.md from scenarios/schema.json, software.md from the profiles of the catalog, constants.md from its constants
of silicon.

Usage, from the repository root:
    python3 book/reference.py            writes the pages
    python3 book/reference.py --check    exits 1 if a page is not what it would write
"""

import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
PAGES = HERE / "src" / "reference"
SCHEMA = HERE.parent / "scenarios" / "schema.json"
PROFILES = HERE.parent / "crates" / "hardware" / "catalog" / "software"
CONSTANTS = HERE.parent / "crates" / "hardware" / "catalog" / "technology"

SCENARIO_HEAD = """# Scenario keys

<!-- Written by book/reference.py from scenarios/schema.json; change the docs of the types instead. -->

A scenario is a YAML mapping with the keys below. A key that is not listed is an error, with the nearest one that is.
Quantities carry [units](units.md). Editors that speak YAML schemas complete and explain keys when the file starts with

```yaml
# yaml-language-server: $schema=../schema.json
```

where the path leads to `scenarios/schema.json`; `memwall schema` prints the same. Any figure of a machine or a software
profile may also be written with how it is known: `{ value: 3.35 TB/s, kind: datasheet, source: "..." }`.
"""


# Keys that a reader looks for first; the others follow in the schema's order, which is that of the alphabet.
ORDER = """extends name title description kind model graph hardware system parallel communication software workload
slow collective cases fidelity counting seed reference expect metric phase batch prompt context tokens dtype precision
layers hidden heads kv_heads head_dim ffn op inputs m n k device nodes fabric levels topology tensor sequence pipeline
data expert cores clock matrix vector special memory power host peak capacity bandwidth latency launch issue
kernel_gap value weights activations""".split()

SOFTWARE_HEAD = """# Software profiles

<!-- Written by book/reference.py from crates/hardware/catalog/software; change the profiles instead. -->

A profile says what software adds to a machine: how kernels are launched and at what cost, what is fused, how close to
peak the inner loops come. It is chosen by `software:` in a scenario and can be changed there with `extends:`, as
[hardware](../how-to/machine.md) can. Without it, `generic` is used. Each figure's source is in the profile's file
under `crates/hardware/catalog/software/`.

- *issue*: host time to issue one kernel (`stream`) or one step's graph of kernels (`graph`).
- *gap*: device time between two kernels when the second was issued in time.
- *attention*, *pointwise*: whether attention is one kernel, and whether activations, biases and residuals are part of
  their neighbours' kernels.
- *efficiency*: share of what the engine sustains that the inner loop of a matmul, and of attention, reaches on large
  tiles.

| name | | launch | issue | gap | attention | pointwise | efficiency |
|---|---|---|---|---|---|---|---|
"""


def main():
    pages = {
        PAGES / "scenario.md": scenario,
        PAGES / "software.md": software,
        PAGES / "constants.md": constants,
    }
    stale = False
    for page, write in pages.items():
        text = write()
        if "--check" not in sys.argv[1:]:
            page.write_text(text, encoding="utf-8")
        elif page.read_text(encoding="utf-8") != text:
            print(f"{page} is stale: run python3 book/reference.py", file=sys.stderr)
            stale = True
    return 1 if stale else 0


def software():
    """One row a profile; what a profile does not say is taken from the one it extends."""
    profiles = {path.stem: profile(path.read_text(encoding="utf-8")) for path in sorted(PROFILES.glob("*.yaml"))}
    rows = []
    for name in profiles:
        line, chain = {}, name
        while chain:
            line = {**profiles[chain], **line}
            chain = profiles[chain].get("extends")
        fused = {"true": "fused", "false": "unfused"}
        rows.append(
            f"| `{name}` | {line['title']} | {line['launch']} | {line['issue']} | {line['kernel_gap']} |"
            f" {fused[line['fused_attention']]} | {fused[line['fused_elementwise']]} |"
            f" {line['matmul_efficiency']}, {line['attention_efficiency']} |"
        )
    return SOFTWARE_HEAD + "\n".join(rows) + "\n"


CONSTANTS_HEAD = """# Constants of silicon

<!-- Written by book/reference.py from crates/hardware/catalog/technology; change the constants there instead. -->

What estimates of [energy, area and cost](../concepts/energy-and-cost.md) rest on. The range is where the truth may well
lie; ends of a range are what the ends of an estimate are computed from. `memwall hardware constants` prints the same.
"""

CONSTANT_FILES = {
    "processes": "Silicon processes",
    "memories": "Kinds of DRAM",
    "links": "Links",
    "chip": "Chips, packages, yield",
}


def constants():
    """One table a file: each constant with its range, kind and source."""
    out = [CONSTANTS_HEAD]
    for stem, title in CONSTANT_FILES.items():
        out += [f"## {title}\n", "| constant | value | range | kind | source |", "|---|---|---|---|---|"]
        out += list(constant_rows((CONSTANTS / f"{stem}.yaml").read_text(encoding="utf-8")))
        out.append("")
    return "\n".join(out).rstrip() + "\n"


def constant_rows(text):
    """Constants are flow mappings of a fixed form below keys by indentation."""
    keys = []
    form = r'\{ value: (\S+), low: (\S+), high: (\S+), kind: (\w+),\s+source:\s+"([^"]*)" \}'
    for found in re.finditer(rf"^( *)([\w-]+):(?: {form})?", text, re.MULTILINE):
        indent, key, value, low, high, known, source = found.groups()
        keys = keys[: len(indent) // 2] + [key]
        if value is not None:
            span = "" if low == high else f"{low} to {high}"
            yield f"| `{'.'.join(keys)}` | {value} | {span} | {known} | {cell(source)} |"


def profile(text):
    """The top-level keys of a profile with their values, sources left out. (Python has no YAML reader of its own.)"""
    found = re.findall(r"^(\w+): (?:\{ value: )?([^\n{]+?)(?:, kind: .*)?$", text, re.MULTILINE)
    return {key: value.strip().strip('"') for key, value in found}


def scenario():
    """The scenario's own keys, then each block they lead to, right after the one that mentions it first."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    waiting, done, out = [("The scenario", schema)], set(), [SCENARIO_HEAD]
    while waiting:
        title, block = waiting.pop(0)
        if title in done:
            continue
        done.add(title)
        mentioned = []
        out.append(section(title, block, schema, mentioned))
        waiting = mentioned + waiting
    return "\n".join(out).rstrip() + "\n"


def section(title, block, schema, waiting):
    lines = [f"## {title}\n"]
    if block.get("description"):
        lines.append(paragraph(block["description"]) + "\n")
    keys = {} if title == "Case" else properties(block, schema)
    if title == "Case":
        lines.append("Any key of [the scenario](#the-scenario) but `extends`, `kind` and `cases`.\n")
    if keys:
        lines += ["| key | value | meaning |", "|---|---|---|"]
        required = set(block.get("required", []))
        for key in sorted(keys, key=lambda key: ORDER.index(key) if key in ORDER else len(ORDER)):
            value = keys[key]
            meaning = cell(value.get("description", ""))
            if key in required:
                meaning += " Required."
            lines.append(f"| `{key}` | {kind(value, schema, waiting)} | {meaning} |")
    for option in block.get("anyOf", []) + block.get("oneOf", []):
        if option.get("description"):
            lines.append(f"- {kind(option, schema, waiting)}: {cell(option['description'])}")
    return "\n".join(lines) + "\n"


def properties(block, schema):
    """The keys of a mapping, those of what it includes among them."""
    keys = dict(block.get("properties", {}))
    for part in block.get("allOf", []):
        keys.update(properties(resolve(part, schema), schema))
    return keys


def kind(value, schema, waiting):
    """What may stand for a value, in a few words; named blocks get a link and a section of their own."""
    if "$ref" in value:
        return named(value["$ref"], schema, waiting)
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return ", ".join(f"`{choice}`" for choice in value["enum"] if choice is not None)
    for word in ("anyOf", "oneOf", "allOf"):
        if word in value:
            kinds = [kind(option, schema, waiting) for option in value[word] if option.get("type") != "null"]
            return joined(dict.fromkeys(kinds))
    types = value.get("type", "anything")
    types = [types] if isinstance(types, str) else types
    return joined(plain(name, value, schema, waiting) for name in types if name != "null")


def plain(name, value, schema, waiting):
    if name == "array":
        if isinstance(value.get("items"), dict):
            return f"list of {kind(value['items'], schema, waiting)}"
        return "list"
    if name == "object":
        inner = value.get("additionalProperties")
        if isinstance(inner, dict) and inner:
            return f"mapping to {kind(inner, schema, waiting)}"
        return "mapping"
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}
    return words.get(name, name)


def named(reference, schema, waiting):
    name = reference.rsplit("/", 1)[1]
    block = resolve({"$ref": reference}, schema)
    options = block.get("anyOf", [])
    if name.startswith("FigureOf"):
        return kind(options[0], schema, waiting)
    if name.startswith("NameOr"):
        return f"a name or {kind({key: options[1][key] for key in ('allOf',)}, schema, waiting)}"
    if name == "Amount" or not (block.get("properties") or block.get("oneOf") or options):
        return scalar(block, schema, waiting)
    title = words(name)
    waiting.append((title, block))
    return f"[{title}](#{title.lower().replace(' ', '-')})"


def scalar(block, schema, waiting):
    """A plain value: with an example where it has a unit."""
    example = block.get("examples", [None])[0]
    if isinstance(example, str):
        return f"such as `{example}`"
    return kind({key: value for key, value in block.items() if key != "$ref"}, schema, waiting)


def resolve(block, schema):
    while "$ref" in block:
        target = schema
        for part in block["$ref"].lstrip("#/").split("/"):
            target = target[part]
        block = target
    return block


def words(name):
    """`TierSpec` as `Tier`, `SlidingWindow` as `Sliding window`."""
    name = {"OperatorSpec": "GraphEntry", "SpecOp": "Op"}.get(name, name.removesuffix("Spec"))
    out = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
    return (out[:1].upper() + out[1:]).replace("_", " ")


def joined(kinds):
    return " or ".join(kinds) or "anything"


def paragraph(text):
    return " ".join(text.split())


def cell(text):
    return paragraph(text).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
