// A timeline on a canvas: all spans, with zoom. Times are nanoseconds; a span is [lane, name, detail, start, duration].
const CAUSES = ["compute", "bandwidth", "latency", "occupancy", "efficiency", "launch", "ramp", "capacity", "dependency",
  "power", "communication", "idle"];
// The colours on which dark text cannot be read.
const DARK = ["occupancy", "capacity", "communication"];
const causeOf = (text) => CAUSES.find((name) => text === name || text.startsWith(name + "("));

class Timeline {
  static ROW = 26;
  static TOP = 22;

  constructor(picture, chart) {
    this.picture = picture;
    this.chart = chart;
    this.lanes = chart.lanes.map((lane) => ({ ...lane, spans: [] }));
    for (const span of chart.spans) this.lanes[span[0]].spans.push(span);
    for (const lane of this.lanes) lane.spans = this.lanes[lane.of].spans;
    this.end = Math.max(1, chart.end_ns);
    this.from = 0;
    this.until = this.firstView();
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("aria-hidden", "true");
    this.buttons();
    this.legend();
    this.keys();
    this.pointer();
    for (const svg of picture.querySelectorAll("svg")) svg.style.display = "none";
    picture.append(this.canvas);
    new ResizeObserver(() => this.redraw()).observe(picture);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
  }

  // As many kernels as one can tell apart; of several stages or ranks the whole, where waiting shows.
  firstView() {
    const kernels = this.lanes.filter((lane) => lane.kind === "kernels");
    const spans = kernels.length === 1 ? kernels[0].spans : [];
    const last = spans[Math.min(spans.length, this.picture.clientWidth < 560 ? 24 : 48) - 1];
    return last ? last[3] + last[4] : this.end;
  }

  role(lane, span) {
    const { names, details } = this.chart;
    if (lane.kind === "kernels") return causeOf(names[span[1]]) || causeOf(details[span[2]]) || "compute";
    return { host: "launch", copies: "ramp", tier: "bandwidth" }[lane.kind] || "communication";
  }

  // How much of its bandwidth a tier needs for a span: 0 to 1.
  busy(lane, span) {
    return ((this.chart.busy[span[1]] || [])[lane.tier] || 0) / 1000;
  }

  // Where names of lanes end: a narrow window has them above the lanes.
  get left() { return this.width < 560 ? 0 : 150; }
  get step() { return this.left ? Timeline.ROW : Timeline.ROW + 16; }

  at(ns) {
    return this.left + (ns - this.from) / (this.until - this.from) * (this.width - this.left);
  }

  redraw() {
    cancelAnimationFrame(this.wanted);
    this.wanted = requestAnimationFrame(() => this.draw());
  }

  draw() {
    const pixels = window.devicePixelRatio || 1;
    this.width = this.picture.clientWidth;
    const height = Timeline.TOP + this.step * this.lanes.length + 4;
    this.canvas.width = Math.round(this.width * pixels);
    this.canvas.height = Math.round(height * pixels);
    this.canvas.style.height = height + "px";
    const pen = this.canvas.getContext("2d");
    pen.scale(pixels, pixels);
    pen.font = "12px system-ui, sans-serif";
    const names = [...CAUSES, "ink", "faint", "grid", "on-dark", "on-light"];
    this.shades = Object.fromEntries(names.map((name) => [name, colour(name)]));
    this.drawTicks(pen, height);
    this.lanes.forEach((lane, number) => this.drawLane(pen, lane, number));
  }

  drawTicks(pen, height) {
    const rough = (this.until - this.from) / Math.max(2, (this.width - this.left) / 110);
    const power = 10 ** Math.floor(Math.log10(rough));
    const tick = [1, 2, 5, 10].map((digit) => digit * power).find((value) => value >= rough);
    for (let value = Math.ceil(this.from / tick) * tick; value <= this.until; value += tick) {
      pen.fillStyle = this.shades.grid;
      pen.fillRect(this.at(value), Timeline.TOP - 4, 1, height);
      pen.fillStyle = this.shades.faint;
      pen.fillText(time(value), Math.min(this.at(value) + 3, this.width - 62), 12);
    }
  }

  drawLane(pen, lane, number) {
    const y = Timeline.TOP + number * this.step + (this.left ? 0 : 15);
    for (let index = this.first(lane.spans); index < lane.spans.length; index += 1) {
      const span = lane.spans[index];
      if (span[3] > this.until) break;
      this.drawSpan(pen, lane, span, y);
    }
    pen.fillStyle = this.shades.ink;
    let words = lane.name;
    while (this.left && pen.measureText(words).width > this.left - 8 && words.length > 4) {
      words = words.slice(0, -2) + "\u2026";
    }
    pen.fillText(words, 0, this.left ? y + 15 : y - 4);
  }

  drawSpan(pen, lane, span, y) {
    const x = Math.max(this.left, this.at(span[3]));
    const wide = Math.max(0.4, this.at(span[3] + span[4]) - x);
    const role = this.role(lane, span);
    const tier = lane.kind === "tier";
    pen.globalAlpha = tier ? this.busy(lane, span) : 1;
    pen.fillStyle = this.shades[role];
    pen.fillRect(x, y, wide > 3 ? wide - 0.5 : wide, Timeline.ROW - 5);
    pen.globalAlpha = 1;
    if (wide < 30) return;
    const words = tier ? (100 * this.busy(lane, span)).toFixed(0) + " %" : this.chart.names[span[1]];
    if (pen.measureText(words).width + 8 > wide) return;
    pen.fillStyle = this.shades[tier ? "ink" : DARK.includes(role) ? "on-dark" : "on-light"];
    pen.fillText(words, x + 4, y + 15);
  }

  // The first span that ends within the window; spans of a lane follow one another.
  first(spans) {
    let low = 0, high = spans.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (spans[middle][3] + spans[middle][4] < this.from) low = middle + 1; else high = middle;
    }
    return low;
  }

  look(start, stop) {
    const length = Math.min(this.end, Math.max(100, stop - start));
    this.from = Math.min(Math.max(0, start), this.end - length);
    this.until = this.from + length;
    this.redraw();
  }

  zoom(factor, share) {
    const centre = this.from + (this.until - this.from) * share;
    this.look(centre - (centre - this.from) / factor, centre + (this.until - centre) / factor);
  }

  move(share) {
    const by = (this.until - this.from) * share;
    this.look(this.from + by, this.until + by);
  }

  buttons() {
    const tools = toolbar(this.picture);
    button(tools, "+", "Zoom in", () => this.zoom(2, 0.5));
    button(tools, "\u2212", "Zoom out", () => this.zoom(0.5, 0.5));
    button(tools, "\u2190", "Earlier", () => this.move(-0.4));
    button(tools, "\u2192", "Later", () => this.move(0.4));
    button(tools, "all", "Show all", () => this.look(0, this.end));
    const hint = document.createElement("span");
    hint.textContent = "drag to move, Ctrl and wheel to zoom";
    hint.className = "note";
    tools.append(hint);
  }

  legend() {
    const kernels = this.lanes.filter((lane) => lane.kind === "kernels");
    const used = new Set(kernels.flatMap((lane) => lane.spans.map((span) => this.role(lane, span))));
    const legend = document.createElement("div");
    legend.className = "tools";
    for (const role of CAUSES.filter((name) => used.has(name))) {
      const key = document.createElement("span");
      const box = document.createElement("span");
      box.style.cssText = `display:inline-block;width:12px;height:12px;margin-right:5px;background:var(--${role})`;
      key.append(box, role);
      legend.append(key);
    }
    this.picture.before(legend);
  }

  keys() {
    this.picture.addEventListener("keydown", (event) => {
      const length = this.until - this.from;
      const act = {
        ArrowLeft: () => this.move(-0.2), ArrowRight: () => this.move(0.2),
        "+": () => this.zoom(2, 0.5), "=": () => this.zoom(2, 0.5), "-": () => this.zoom(0.5, 0.5),
        0: () => this.look(0, this.end), Home: () => this.look(0, length),
        End: () => this.look(this.end - length, this.end),
      }[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      act();
    });
  }

  pointer() {
    const { canvas } = this;
    const share = (event) => {
      const box = canvas.getBoundingClientRect();
      return Math.min(1, Math.max(0, (event.clientX - box.left - this.left) / (box.width - this.left)));
    };
    canvas.addEventListener("wheel", (event) => {
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        this.zoom(Math.exp(-event.deltaY / 200), share(event));
      } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        event.preventDefault();
        this.move((event.deltaX || event.deltaY) / 600);
      }
    }, { passive: false });
    canvas.addEventListener("dblclick", (event) => this.zoom(3, share(event)));
    let drag = null;
    canvas.addEventListener("pointerdown", (event) => {
      drag = event;
      canvas.setPointerCapture(event.pointerId);
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { drag = null; });
    canvas.addEventListener("pointermove", (event) => {
      if (drag) {
        this.move((drag.clientX - event.clientX) / (canvas.getBoundingClientRect().width - this.left));
        drag = event;
      } else {
        this.ask(event, share(event));
      }
    });
    canvas.addEventListener("pointerleave", hush);
  }

  // Says what is under the pointer.
  ask(event, share) {
    const box = this.canvas.getBoundingClientRect();
    const lane = this.lanes[Math.floor((event.clientY - box.top - Timeline.TOP) / this.step)];
    const span = lane && this.find(lane.spans, share, 2 * (this.until - this.from) / box.width);
    if (!span) {
      hush();
      return;
    }
    const { names, details } = this.chart;
    const detail = details[span[2]] ? `, ${details[span[2]]}` : "";
    const tier = lane.kind === "tier" ? `${lane.name} ${(100 * this.busy(lane, span)).toFixed(0)} % busy. ` : "";
    say(`${tier}${names[span[1]]}: ${time(span[4])} from ${time(span[3])}${detail}`, event.clientX, event.clientY);
  }

  // The longest span at a place, or so near that a pointer cannot tell.
  find(spans, share, near) {
    const moment = this.from + (this.until - this.from) * share;
    let best = null;
    for (let index = Math.max(0, this.first(spans) - 1); index < spans.length && spans[index][3] <= moment + near; index += 1) {
      const span = spans[index];
      if (span[3] + span[4] >= moment - near && (!best || span[4] > best[4])) best = span;
    }
    return best;
  }
}
