const data = JSON.parse(document.getElementById("data").textContent);
// What is folded is prepared when it is opened: a page with many cases must not wait for them.
const prepare = (figure) => {
  const picture = figure.querySelector(".picture");
  const chart = data[figure.id];
  const kind = figure.dataset.kind;
  if (kind === "timeline" && chart) {
    new Timeline(picture, chart);
    return;
  }
  marks(picture);
  if (["roofline", "scatter", "lines", "pipeline", "memory_areas"].includes(kind)) zoomable(picture);
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
