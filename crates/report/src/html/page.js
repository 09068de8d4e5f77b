"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const tip = document.getElementById("tip");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

  // Words beside the pointer, or beside the mark that keys chose.
  const say = (words, x, y) => {
    tip.textContent = words;
    tip.classList.add("on");
    const box = tip.getBoundingClientRect();
    const left = Math.min(x + 14, window.innerWidth - box.width - 8);
    const top = y + 18 + box.height > window.innerHeight ? y - box.height - 12 : y + 18;
    tip.style.left = Math.max(8, left) + "px";
    tip.style.top = Math.max(8, top) + "px";
  };
  const hush = () => tip.classList.remove("on");
  window.addEventListener("scroll", hush, { passive: true });

  // Numbers with their unit, as the pictures write them.
  const time = (ns) => {
    const [unit, size] = ns >= 1e9 ? ["s", 1e9] : ns >= 1e6 ? ["ms", 1e6] : ns >= 1e3 ? ["us", 1e3] : ["ns", 1];
    return Number((ns / size).toPrecision(4)) + " " + unit;
  };
  const written = (value, unit) => {
    if (unit === "seconds") return time(value * 1e9);
    if (unit === "share") return Number((100 * value).toPrecision(3)) + " %";
    const of = { bytes: "B", binary_bytes: "B", bytes_per_sec: "B/s", flops_per_sec: "FLOP/s" }[unit];
    if (!of) return String(Number(value.toPrecision(4)));
    const power = Math.min(6, Math.max(0, Math.floor(Math.log10(Math.abs(value) || 1) / 3)));
    return Number((value / 1000 ** power).toPrecision(4)) + " " + ["", "k", "M", "G", "T", "P", "E"][power] + of;
  };

  const button = (tools, text, label, act) => {
    const one = document.createElement("button");
    one.type = "button";
    one.textContent = text;
    one.setAttribute("aria-label", label);
    one.addEventListener("click", act);
    tools.append(one);
  };
  const toolbar = (picture) => {
    const tools = document.createElement("div");
    tools.className = "tools";
    picture.before(tools);
    return tools;
  };

  // The marks of a chart: pointer and arrow keys ask them what they are.
  const marks = (picture) => {
    for (const mark of picture.querySelectorAll(".mark")) {
      const title = mark.querySelector("title");
      mark.words = title.textContent;
      title.remove();
    }
    picture.addEventListener("pointermove", (event) => {
      const mark = event.target.closest(".mark");
      if (mark) say(mark.words, event.clientX, event.clientY);
      else hush();
    });
    picture.addEventListener("pointerleave", hush);
    let chosen = null;
    const leave = () => {
      if (chosen) chosen.classList.remove("on");
      chosen = null;
      hush();
    };
    picture.addEventListener("blur", leave);
    picture.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") leave();
      if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
      const shown = [...picture.querySelectorAll(".mark:not(.off)")].filter((mark) => mark.getClientRects().length);
      if (!shown.length) return;
      event.preventDefault();
      const at = shown.indexOf(chosen);
      const next = shown[at < 0 ? (step > 0 ? 0 : shown.length - 1) : (at + step + shown.length) % shown.length];
      leave();
      chosen = next;
      chosen.classList.add("on");
      const box = chosen.getBoundingClientRect();
      say(chosen.words, box.left + box.width / 2, box.top + box.height / 2);
    });
  };

  // Zooming a picture: its view box becomes smaller; dragging moves it.
  const zoomable = (picture) => {
    const views = [...picture.querySelectorAll("svg")].map((svg) => {
      const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
      return { svg, width, height };
    });
    let view = { scale: 1, x: 0.5, y: 0.5 };
    const show = () => {
      const half = 0.5 / view.scale;
      view.x = Math.min(1 - half, Math.max(half, view.x));
      view.y = Math.min(1 - half, Math.max(half, view.y));
      for (const { svg, width, height } of views) {
        const box = [(view.x - half) * width, (view.y - half) * height, width / view.scale, height / view.scale];
        svg.setAttribute("viewBox", box.map((value) => value.toFixed(2)).join(" "));
        svg.style.cursor = view.scale > 1 ? "grab" : "";
        svg.style.touchAction = view.scale > 1 ? "none" : "";
      }
    };
    const zoom = (factor) => {
      view.scale = Math.min(16, Math.max(1, view.scale * factor));
      show();
    };
    const tools = toolbar(picture);
    button(tools, "+", "Zoom in", () => zoom(1.5));
    button(tools, "\u2212", "Zoom out", () => zoom(1 / 1.5));
    button(tools, "all", "Show all", () => { view = { scale: 1, x: 0.5, y: 0.5 }; show(); });
    picture.addEventListener("keydown", (event) => {
      if (event.key === "+" || event.key === "=") zoom(1.5);
      if (event.key === "-") zoom(1 / 1.5);
      if (event.key === "0") { view = { scale: 1, x: 0.5, y: 0.5 }; show(); }
    });
    picture.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoom(Math.exp(-event.deltaY / 300));
    }, { passive: false });
    let from = null;
    picture.addEventListener("pointerdown", (event) => { if (view.scale > 1) from = event; });
    window.addEventListener("pointerup", () => { from = null; });
    picture.addEventListener("pointermove", (event) => {
      if (!from) return;
      const box = picture.getBoundingClientRect();
      view.x -= (event.clientX - from.clientX) / box.width / view.scale;
      view.y -= (event.clientY - from.clientY) / box.height / view.scale;
      from = event;
      show();
    });
  };

  // Filters: rows outside of a range fade, in every chart of the section.
  const filters = (figure, chart) => {
    const rows = chart.points.rows;
    const form = document.createElement("div");
    form.className = "filters";
    const ranges = chart.points.columns.map((axis, column) => {
      const values = rows.map((row) => row[column]).filter(Number.isFinite).sort((a, b) => a - b);
      const ends = [0, Math.max(0, values.length - 1)];
      const inputs = ["at least", "at most"].map((words, end) => {
        const label = document.createElement("label");
        const input = document.createElement("input");
        Object.assign(input, { type: "range", min: 0, max: ends[1], value: ends[end] });
        input.addEventListener("input", () => { name(); apply(); });
        const text = document.createElement("span");
        label.append(text, input);
        form.append(label);
        const name = () => {
          const value = values[input.value];
          text.textContent = `${axis.title} ${words} ${value === undefined ? "" : written(value, axis.unit)}`;
        };
        name();
        return input;
      });
      return { column, values, inputs };
    });
    const fits = (row) => ranges.every(({ column, values, inputs }) =>
      !values.length || (row[column] >= values[inputs[0].value] && row[column] <= values[inputs[1].value]));
    const apply = () => {
      const good = rows.map(fits);
      const scope = figure.closest("section, details.section");
      for (const mark of scope.querySelectorAll("[data-row]")) {
        mark.classList.toggle("off", good[mark.dataset.row] === false);
      }
    };
    figure.querySelector(".picture").after(form);
  };

  // A timeline on a canvas: all spans, with zoom.
  const timeline = (picture, chart) => {
    const svgs = picture.querySelectorAll("svg");
    const canvas = document.createElement("canvas");
    canvas.setAttribute("aria-hidden", "true");
    const lanes = chart.lanes.map((lane) => ({ ...lane, spans: [] }));
    for (const span of chart.spans) lanes[span[0]].spans.push(span);
    for (const lane of lanes) lane.spans = lanes[lane.of].spans;
    const causes = ["compute", "bandwidth", "latency", "occupancy", "efficiency", "launch", "ramp", "capacity",
      "dependency", "power", "communication", "idle"];
    const cause = (text) => causes.find((name) => text === name || text.startsWith(name + "("));
    const roles = {
      host: () => "launch", communication: () => "communication", links: () => "communication", copies: () => "ramp",
      tier: () => "bandwidth",
      kernels: (span) => cause(chart.names[span[1]]) || cause(chart.details[span[2]]) || "compute",
    };
    const end = Math.max(1, chart.end_ns);
    // As many kernels at first as one can tell apart; of several stages or ranks the whole, where waiting shows.
    const several = lanes.filter((lane) => lane.kind === "kernels").length > 1;
    const longest = lanes.reduce((best, lane) => (lane.spans.length > best.length ? lane.spans : best), []);
    const last = longest[Math.min(longest.length, picture.clientWidth < 560 ? 24 : 48) - 1];
    let from = 0, until = last && !several ? last[3] + last[4] : end, pixels = 1, width = 0;
    const row = 26, top = 22;
    const left = () => (width < 560 ? 0 : 150);
    const at = (ns) => left() + (ns - from) / (until - from) * (width - left());
    const first = (spans) => {
      let low = 0, high = spans.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (spans[middle][3] + spans[middle][4] < from) low = middle + 1; else high = middle;
      }
      return low;
    };
    const busy = (lane, span) => ((chart.busy[span[1]] || [])[lane.tier] || 0) / 1000;
    const draw = () => {
      const narrow = !left();
      const step = narrow ? row + 16 : row;
      const height = top + step * lanes.length + 4;
      pixels = window.devicePixelRatio || 1;
      width = picture.clientWidth;
      canvas.width = Math.round(width * pixels);
      canvas.height = Math.round(height * pixels);
      canvas.style.height = height + "px";
      const pen = canvas.getContext("2d");
      pen.scale(pixels, pixels);
      pen.font = "12px system-ui, sans-serif";
      const shades = Object.fromEntries([...causes, "ink", "faint", "grid", "on-dark", "on-light"].map((name) => [name, colour(name)]));
      const rough = (until - from) / Math.max(2, (width - left()) / 110);
      const power = 10 ** Math.floor(Math.log10(rough));
      const tick = [1, 2, 5, 10].map((digit) => digit * power).find((value) => value >= rough);
      for (let value = Math.ceil(from / tick) * tick; value <= until; value += tick) {
        pen.fillStyle = shades.grid;
        pen.fillRect(at(value), top - 4, 1, height);
        pen.fillStyle = shades.faint;
        pen.fillText(time(value), Math.min(at(value) + 3, width - 62), 12);
      }
      lanes.forEach((lane, number) => {
        const y = top + number * step + (narrow ? 15 : 0);
        const edge = left();
        for (let index = first(lane.spans); index < lane.spans.length; index += 1) {
          const span = lane.spans[index];
          if (span[3] > until) break;
          const x = Math.max(edge, at(span[3]));
          const wide = Math.max(0.4, at(span[3] + span[4]) - x);
          const role = roles[lane.kind](span);
          pen.globalAlpha = lane.kind === "tier" ? busy(lane, span) : 1;
          pen.fillStyle = shades[role];
          pen.fillRect(x, y, wide > 3 ? wide - 0.5 : wide, row - 5);
          pen.globalAlpha = 1;
          const name = chart.names[span[1]];
          if (lane.kind === "tier" && wide > 40) {
            pen.fillStyle = shades.ink;
            pen.fillText((100 * busy(lane, span)).toFixed(0) + " %", x + 4, y + 15);
          } else if (lane.kind !== "tier" && wide > 30 && pen.measureText(name).width + 8 < wide) {
            pen.fillStyle = shades[["occupancy", "capacity", "communication"].includes(role) ? "on-dark" : "on-light"];
            pen.fillText(name, x + 4, y + 15);
          }
        }
        pen.fillStyle = shades.ink;
        let words = lane.name;
        while (edge && pen.measureText(words).width > edge - 8 && words.length > 4) words = words.slice(0, -2) + "\u2026";
        pen.fillText(words, 0, narrow ? y - 4 : y + 15);
      });
    };
    let wanted = 0;
    const redraw = () => { cancelAnimationFrame(wanted); wanted = requestAnimationFrame(draw); };
    const look = (start, stop) => {
      const length = Math.min(end, Math.max(100, stop - start));
      from = Math.min(Math.max(0, start), end - length);
      until = from + length;
      redraw();
    };
    const zoom = (factor, share) => {
      const centre = from + (until - from) * share;
      look(centre - (centre - from) / factor, centre + (until - centre) / factor);
    };
    const move = (share) => look(from + (until - from) * share, until + (until - from) * share);
    const share = (event) => {
      const box = canvas.getBoundingClientRect();
      return Math.min(1, Math.max(0, (event.clientX - box.left - left()) / (box.width - left())));
    };
    const tools = toolbar(picture);
    button(tools, "+", "Zoom in", () => zoom(2, 0.5));
    button(tools, "\u2212", "Zoom out", () => zoom(0.5, 0.5));
    button(tools, "\u2190", "Earlier", () => move(-0.4));
    button(tools, "\u2192", "Later", () => move(0.4));
    button(tools, "all", "Show all", () => look(0, end));
    const hint = document.createElement("span");
    hint.textContent = "drag to move, Ctrl and wheel to zoom";
    hint.className = "note";
    tools.append(hint);
    picture.addEventListener("keydown", (event) => {
      const act = { ArrowLeft: () => move(-0.2), ArrowRight: () => move(0.2), "+": () => zoom(2, 0.5), "=": () => zoom(2, 0.5),
        "-": () => zoom(0.5, 0.5), 0: () => look(0, end), Home: () => look(0, until - from), End: () => look(end, end) }[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      act();
    });
    canvas.addEventListener("wheel", (event) => {
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        zoom(Math.exp(-event.deltaY / 200), share(event));
      } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        event.preventDefault();
        move((event.deltaX || event.deltaY) / 600);
      }
    }, { passive: false });
    canvas.addEventListener("dblclick", (event) => zoom(3, share(event)));
    let drag = null;
    canvas.addEventListener("pointerdown", (event) => { drag = event; canvas.setPointerCapture(event.pointerId); });
    canvas.addEventListener("pointerup", () => { drag = null; });
    canvas.addEventListener("pointercancel", () => { drag = null; });
    canvas.addEventListener("pointermove", (event) => {
      if (drag) {
        const box = canvas.getBoundingClientRect();
        move((drag.clientX - event.clientX) / (box.width - left()));
        drag = event;
        return;
      }
      const box = canvas.getBoundingClientRect();
      const narrow = !left();
      const lane = lanes[Math.floor((event.clientY - box.top - top) / (narrow ? row + 16 : row))];
      const moment = from + (until - from) * share(event);
      // A pointer is no finer than a pixel or two.
      const near = 2 * (until - from) / box.width;
      let best = null;
      if (lane) {
        for (let index = Math.max(0, first(lane.spans) - 1); index < lane.spans.length; index += 1) {
          const span = lane.spans[index];
          if (span[3] > moment + near) break;
          if (span[3] + span[4] >= moment - near && (!best || span[4] > best[4])) best = span;
        }
      }
      if (!best) { hush(); return; }
      const details = chart.details[best[2]];
      const words = `${chart.names[best[1]]}: ${time(best[4])} from ${time(best[3])}` + (details ? `, ${details}` : "");
      const extra = lane.kind === "tier" ? `${lane.name} ${(100 * busy(lane, best)).toFixed(0)} % busy. ` : "";
      say(extra + words, event.clientX, event.clientY);
    });
    canvas.addEventListener("pointerleave", hush);
    // The legend stays: it is the upper part of the picture drawn without a script.
    const legend = document.createElement("div");
    legend.className = "tools";
    const used = new Set(lanes.filter((lane) => lane.kind === "kernels").flatMap((lane) => lane.spans.map(roles.kernels)));
    for (const role of causes.filter((name) => used.has(name))) {
      const key = document.createElement("span");
      const box = document.createElement("span");
      box.style.cssText = `display:inline-block;width:12px;height:12px;margin-right:5px;background:var(--${role})`;
      key.append(box, role);
      legend.append(key);
    }
    picture.before(legend);
    for (const svg of svgs) svg.style.display = "none";
    picture.append(canvas);
    new ResizeObserver(redraw).observe(picture);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  };

  // What is folded is prepared when it is opened: a page with many cases must not wait for them.
  const prepare = (figure) => {
    const picture = figure.querySelector(".picture");
    const chart = data[figure.id];
    const kind = figure.dataset.kind;
    if (kind === "timeline" && chart) {
      timeline(picture, chart);
      return;
    }
    marks(picture);
    if (["roofline", "scatter", "lines"].includes(kind)) zoomable(picture);
    if (kind === "parallel_coordinates" && chart) filters(figure, chart);
  };
  for (const figure of document.querySelectorAll("figure.chart")) {
    const folded = figure.closest("details.section:not([open])");
    if (folded) folded.addEventListener("toggle", () => prepare(figure), { once: true });
    else prepare(figure);
  }

  // A link to a part that is folded opens it.
  const unfold = () => {
    const part = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let one = part; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
    if (part) part.scrollIntoView();
  };
  window.addEventListener("hashchange", unfold);
  unfold();
})();
