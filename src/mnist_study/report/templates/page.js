"use strict";
// Adds to a page that is complete without: values under the pointer, the images behind a cell, and
// a filter over the misread digits.

const SVG = "http://www.w3.org/2000/svg";

for (const panel of document.querySelectorAll("[data-net][data-metric]")) followCurve(panel);
for (const cell of document.querySelectorAll(".confusion a")) openOnClick(cell);
setUpFilters();
for (const hint of document.querySelectorAll(".hint")) hint.hidden = false;

function followCurve(panel) {
  const { net, metric } = panel.dataset;
  const rows = JSON.parse(document.getElementById("histories").textContent)[net];
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
  return [...document.querySelectorAll("#every-error li")].filter(condition);
}

function openOnClick(cell) {
  cell.addEventListener("click", (event) => {
    event.preventDefault();
    const { net, label, prediction } = cell.dataset;
    const behind = misread(({ dataset }) => dataset.label === label && dataset[net] === prediction);
    const dialog = document.getElementById("behind");
    dialog.querySelector("h2").textContent = cell.getAttribute("aria-label");
    const copies = behind.map((item) => item.cloneNode(true));
    for (const copy of copies) copy.hidden = false;
    dialog.querySelector("ul").replaceChildren(...copies);
    dialog.showModal();
  });
}

function setUpFilters() {
  const form = document.querySelector(".filters");
  const wrong = {
    any: () => true,
    dense: ({ dense, label }) => dense !== label,
    cnn: ({ cnn, label }) => cnn !== label,
    both: ({ dense, cnn, label }) => dense !== label && cnn !== label,
  };
  function apply() {
    const { by, label, prediction } = Object.fromEntries(new FormData(form));
    let count = 0;
    for (const item of misread(() => true)) {
      const { dataset } = item;
      const nets = by === "dense" || by === "cnn" ? [by] : ["dense", "cnn"];
      const shown =
        wrong[by](dataset) &&
        (!label || dataset.label === label) &&
        (!prediction || nets.some((net) => dataset[net] === prediction && prediction !== dataset.label));
      item.hidden = !shown;
      count += shown;
    }
    form.querySelector("output").textContent = `${count} shown`;
  }
  form.hidden = false;
  form.addEventListener("change", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  apply();
}
