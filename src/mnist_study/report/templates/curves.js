// Values under the pointer on the curves, and a slider over the seeds of the study.

const SVG = "http://www.w3.org/2000/svg";

for (const panel of document.querySelectorAll("[data-metric]")) followCurves(panel);
if (document.getElementById("seeds-of-study")) slideOverSeeds();

function followCurves(panel) {
  const { metric } = panel.dataset;
  const svg = panel.querySelector("svg");
  const longest = nets.reduce((a, b) => (histories[b].length > histories[a].length ? b : a));
  const last = histories[longest].length - 1;
  // Matplotlib draws a marker per epoch: where they are says where the epochs are.
  const marks = [...svg.querySelectorAll(`#all-${metric}-${longest}-val use`)];
  const xs = marks.map((mark) => Number(mark.getAttribute("x")));
  const line = document.createElementNS(SVG, "line");
  const readout = document.createElement("output");
  const form = (value) =>
    metric === "accuracy" ? `${(100 * value).toFixed(2)}%` : value.toFixed(4);
  let shown = last;

  line.setAttribute("class", "marker");
  line.setAttribute("visibility", "hidden");
  svg.append(line);
  readout.className = "readout";
  panel.append(readout);
  panel.tabIndex = 0;
  panel.setAttribute("role", "group");
  panel.setAttribute("aria-label", `${metric} by epoch; arrow keys move from epoch to epoch`);

  function show(index) {
    shown = Math.max(0, Math.min(last, index));
    const axes = svg.querySelector(`#all-${metric}-axes_1 path`).getBBox();
    const ends = { x1: xs[shown], x2: xs[shown], y1: axes.y, y2: axes.y + axes.height };
    for (const [name, value] of Object.entries(ends)) line.setAttribute(name, value);
    line.setAttribute("visibility", "visible");
    const values = nets.filter((net) => histories[net][shown]).map((net) => {
      const row = histories[net][shown];
      return `${net} train ${form(row[`train/${metric}`])}, val ${form(row[`val/${metric}`])}`;
    });
    readout.textContent = `epoch ${histories[longest][shown].epoch}: ${values.join("; ")}`;
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

function slideOverSeeds() {
  const { numbers, nets } = JSON.parse(document.getElementById("seeds-of-study").textContent);
  const form = document.querySelector(".seeds");
  const slider = form.querySelector("input");

  function show() {
    const chosen = Number(slider.value);
    for (const old of document.querySelectorAll(".chosen")) old.classList.remove("chosen");
    const told = Object.entries(nets).map(([net, { losses, accuracies }]) => {
      document.getElementById(`seeds-loss-${net}-seed-${chosen}`).classList.add("chosen");
      // The points are in the order of their accuracy.
      const order = accuracies.map((_, seed) => seed).sort((a, b) => accuracies[a] - accuracies[b]);
      const points = document.querySelectorAll(`#seeds-accuracy-${net}-seeds use`);
      points[order.indexOf(chosen)].classList.add("chosen");
      const lowest = losses[chosen].indexOf(Math.min(...losses[chosen])) + 1;
      return `${net} ${(100 * accuracies[chosen]).toFixed(2)}% right, loss lowest after epoch ${lowest}`;
    });
    form.querySelector("output").textContent = `seed ${numbers[chosen]}: ${told.join("; ")}`;
  }
  form.hidden = false;
  slider.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  show();
}
