"use strict";
// Adds to a page that is complete without: the images behind a cell, and a filter over the images
// that a net gets wrong.

const histories = JSON.parse(document.getElementById("histories").textContent);
const nets = Object.keys(histories); // in the order of what they said of an image

for (const cell of document.querySelectorAll("a[data-prediction]")) openOnClick(cell);
setUpFilters();
for (const hint of document.querySelectorAll(".hint")) hint.hidden = false;

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
