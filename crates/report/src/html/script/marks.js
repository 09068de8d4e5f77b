// What one can do with the marks of a drawn chart.

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
