"""Just enough SVG for the book's figures: text, lines, boxes and axes, on a panel that suits any theme."""

import math

INK = "#22272e"
FAINT = "#8a939e"
GRID = "#e4e7eb"
COLOURS = {
    "compute": "#2f7d4f",
    "bandwidth": "#c4523a",
    "latency": "#dd9a2b",
    "occupancy": "#4678b0",
    "efficiency": "#7aa6d1",
    "launch": "#7a5ea8",
    "ramp": "#9a8c7c",
    "capacity": "#b5447a",
    "dependency": "#6f7680",
    "power": "#5d9aa8",
    "communication": "#24324d",
    "idle": "#d3d7dc",
}


class Svg:
    """A picture of a given size, filled from top to bottom."""

    def __init__(self, width, height, title):
        self.width, self.height, self.title = width, height, title
        self.parts = []

    def text(self, x, y, words, size=13, anchor="start", colour=INK, bold=False, rotate=0):
        turn = f' transform="rotate({rotate} {x:g} {y:g})"' if rotate else ""
        weight = ' font-weight="600"' if bold else ""
        words = str(words).replace("&", "&amp;").replace("<", "&lt;")
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}"'
            f' fill="{colour}"{weight}{turn}>{words}</text>'
        )

    def line(self, x1, y1, x2, y2, colour=INK, width=1.5, dash="", arrow=False):
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        head = ' marker-end="url(#arrow)"' if arrow else ""
        self.parts.append(
            f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{colour}"'
            f' stroke-width="{width:g}"{dashes}{head}/>'
        )

    def path(self, points, colour=INK, width=2, dash=""):
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        where = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        self.parts.append(f'<path d="M{where}" fill="none" stroke="{colour}" stroke-width="{width:g}"{dashes}/>')

    def box(self, x, y, width, height, fill="#ffffff", edge=None, round=3):
        stroke = f' stroke="{edge}" stroke-width="1.2"' if edge else ""
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}" rx="{round:g}"'
            f' fill="{fill}"{stroke}/>'
        )

    def dot(self, x, y, colour=INK, radius=3.5, hollow=False):
        fill = f'fill="#ffffff" stroke="{colour}" stroke-width="1.6"' if hollow else f'fill="{colour}"'
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" {fill}/>')

    def write(self, path):
        body = "\n".join(self.parts)
        path.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}"'
            f' width="{self.width}" height="{self.height}" role="img" font-family="system-ui, sans-serif">\n'
            f"<title>{self.title}</title>\n"
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9"'
            f' markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="{INK}"/></marker></defs>\n'
            f'<rect width="{self.width}" height="{self.height}" rx="8" fill="#ffffff"/>\n{body}\n</svg>\n',
            encoding="utf-8",
        )


class LogAxes:
    """A plot area whose axes are logarithmic where asked; knows where a value lies."""

    def __init__(self, svg, left, top, width, height, x, y, log_x=True, log_y=True):
        self.svg, self.left, self.top, self.width, self.height = svg, left, top, width, height
        self.x, self.y, self.log_x, self.log_y = x, y, log_x, log_y

    def at(self, x, y):
        across = _share(x, self.x, self.log_x)
        up = _share(y, self.y, self.log_y)
        return self.left + across * self.width, self.top + (1 - up) * self.height

    def frame(self, x_ticks, y_ticks, x_title, y_title):
        """Grid lines with their labels, given as (value, label)."""
        svg, bottom = self.svg, self.top + self.height
        for value, label in x_ticks:
            x = self.at(value, self.y[0])[0]
            svg.line(x, self.top, x, bottom, GRID, 1)
            svg.text(x, bottom + 17, label, 12, "middle", FAINT)
        for value, label in y_ticks:
            y = self.at(self.x[0], value)[1]
            svg.line(self.left, y, self.left + self.width, y, GRID, 1)
            svg.text(self.left - 7, y + 4, label, 12, "end", FAINT)
        svg.line(self.left, bottom, self.left + self.width, bottom, FAINT, 1)
        svg.text(self.left + self.width / 2, bottom + 38, x_title, 13, "middle")
        svg.text(self.left, self.top - 12, y_title, 13)


def _share(value, ends, log):
    low, high = (math.log(ends[0]), math.log(ends[1])) if log else ends
    return ((math.log(value) if log else value) - low) / (high - low)
