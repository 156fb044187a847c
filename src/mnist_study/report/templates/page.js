"use strict";
// Adds to a page that is complete without: values under the pointer, the images behind a cell, and
// a filter over the images that a net gets wrong.

const SVG = "http://www.w3.org/2000/svg";
const histories = JSON.parse(document.getElementById("histories").textContent);
const nets = Object.keys(histories); // in the order of what they said of an image

for (const panel of document.querySelectorAll("[data-net][data-metric]")) followCurve(panel);
for (const cell of document.querySelectorAll("a[data-prediction]")) openOnClick(cell);
setUpFilters();
for (const hint of document.querySelectorAll(".hint")) hint.hidden = false;

function followCurve(panel) {
  const { net, metric } = panel.dataset;
  const rows = histories[net];
  const svg = panel.querySelector("svg");
  // Matplotlib draws a marker per epoch: where they are says where the epochs are.
  const marks = [...svg.querySelectorAll(`#${net}-${metric}-val use`)];
  const xs = marks.map((mark) => Number(mark.getAttribute("x")));
  const line = document.createElementNS(SVG, "line");
  const readout = document.createElement("output");
  const form = (value) =>
    metric === "accuracy" ? `${(100 * value).toFixed(2)}%` : value.toFixed(4);
  let shown = rows.length - 1;

  line.setAttribute("class", "marker");
  line.setAttribute("visibility", "hidden");
  svg.append(line);
  readout.className = "readout";
  panel.append(readout);
  panel.tabIndex = 0;
  panel.setAttribute("role", "group");
  panel.setAttribute("aria-label", `${metric} by epoch; arrow keys move from epoch to epoch`);

  function show(index) {
    shown = Math.max(0, Math.min(rows.length - 1, index));
    const row = rows[shown];
    const axes = svg.querySelector(`#${net}-${metric}-axes_1 path`).getBBox();
    line.setAttribute("x1", xs[shown]);
    line.setAttribute("x2", xs[shown]);
    line.setAttribute("y1", axes.y);
    line.setAttribute("y2", axes.y + axes.height);
    line.setAttribute("visibility", "visible");
    readout.textContent =
      `epoch ${row.epoch}: train ${form(row[`train/${metric}`])}, val ${form(row[`val/${metric}`])}`;
  }

  svg.addEventListener("pointermove", (event) => {
    const point = new DOMPoint(event.clientX, event.clientY);
    const { x } = point.matrixTransform(svg.getScreenCTM().inverse());
    const distances = xs.map((epoch) => Math.abs(epoch - x));
    show(distances.indexOf(Math.min(...distances)));
  });
  panel.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) {
      event.preventDefault();
      show(shown + step);
    }
  });
  panel.addEventListener("focus", () => show(shown));
}

function misread(condition) {
  return [...document.querySelectorAll("#every-error li")].filter(({ dataset }) =>
    condition(dataset.label, dataset.said.split(" ")));
}

function openOnClick(cell) {
  cell.addEventListener("click", (event) => {
    event.preventDefault();
    const { net, label, prediction } = cell.dataset;
    const place = nets.indexOf(net);
    const behind = misread((of, said) => of === label && said[place] === prediction);
    const dialog = document.getElementById("behind");
    const left = behind.length < Number(cell.textContent) ? `, of which ${behind.length} are shown` : "";
    dialog.querySelector("h2").textContent = cell.getAttribute("aria-label") + left;
    const copies = behind.map((item) => item.cloneNode(true));
    for (const copy of copies) copy.hidden = false;
    dialog.querySelector("ul").replaceChildren(...copies);
    dialog.showModal();
  });
}

function setUpFilters() {
  const form = document.querySelector(".filters");
  function apply() {
    const { by = "any", label, prediction } = Object.fromEntries(new FormData(form));
    const chosen = misread((of, said) => {
      const asked = by === "any" || by === "all" ? said : [said[by]];
      const wrong = asked.filter((answer) => answer !== of);
      return (
        wrong.length >= (by === "all" ? said.length : 1) &&
        (!label || of === label) &&
        (!prediction || wrong.includes(prediction))
      );
    });
    for (const item of misread(() => true)) item.hidden = true;
    for (const item of chosen) item.hidden = false;
    form.querySelector("output").textContent = `${chosen.length} shown`;
  }
  form.hidden = false;
  form.addEventListener("change", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  apply();
}
