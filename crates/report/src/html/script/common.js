// What the parts of the page share. The files of the script are joined into one and run inside of one function.

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
