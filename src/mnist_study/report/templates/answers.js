// Shows what the nets see and what each answers, with its feature maps.

const ROWS = 12; // classes shown of each net; of more classes, the most probable
const MAP = 30; // pixels a side that a feature map is enlarged to at least

// Show what the nets see and answer. `what` names it once it is whole: while one draws it is "".
function showAnswers(panels, pixels, what) {
  paintSeen(pixels);
  const answers = networks.map((network) => pixels && network?.answer(pixels, bench.shape));
  panels.forEach((panel, place) => panel?.(answers[place]));
  if (!what) return;
  const said = answers.flatMap((answer, place) => {
    if (!answer) return [];
    const best = sortClasses(answer.probabilities)[0];
    const confidence = percent(answer.probabilities[best]);
    return [`the ${bench.nets[place].title} says ${bench.classes[best]} (${confidence})`];
  });
  find(".said").textContent = pixels ? `${what}: ${said.join(", ")}.` : what;
}

function paintSeen(pixels) {
  const canvas = find(".seen canvas");
  const [height, width, channels] = bench.shape;
  const image = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const at = (band) => (pixels ? pixels[pixel * channels + (band % channels)] : 0);
    const shown = [0, 1, 2].map((band) => (channels === 1 ? 255 - at(0) : at(band)));
    image.data.set([...shown, 255], 4 * pixel);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", pixels ? "The image that the nets see" : "An empty image");
}

// Fills a net's table; returns what shows an answer in it, and its feature maps, or no answer.
function makePanel({ title }, place) {
  const count = Math.min(ROWS, bench.classes.length);
  const table = find(".answers").children[place];
  table.createCaption();
  const rows = Array.from({ length: count }, (_, place) => {
    const row = table.insertRow();
    const name = row.appendChild(document.createElement("th"));
    name.scope = "row";
    name.textContent = bench.classes[place];
    row.insertCell().append(document.createElement("div"));
    row.insertCell();
    return row;
  });
  const maps = document.createElement("div");
  find(".maps").append(maps);
  return (answer) => {
    const sorted = answer ? sortClasses(answer.probabilities) : [...bench.classes.keys()];
    const shown = bench.classes.length > count ? sorted.slice(0, count) : [...bench.classes.keys()];
    table.caption.textContent = answer ? `${title}: ${bench.classes[sorted[0]]}` : title;
    shown.forEach((label, place) => {
      const [name, bar, value] = rows[place].cells;
      const probability = answer ? answer.probabilities[label] : 0;
      rows[place].classList.toggle("best", Boolean(answer) && label === sorted[0]);
      name.textContent = bench.classes[label];
      bar.firstChild.style.width = `${100 * probability}%`;
      value.textContent = answer ? percent(probability) : "";
    });
    showMaps(maps, title, answer?.maps ?? []);
  };
}

function showMaps(folder, title, maps) {
  if (!maps.length) return folder.replaceChildren();
  if (!folder.children.length) {
    const heading = document.createElement("h3");
    heading.textContent = `Feature maps of the ${title}`;
    folder.append(heading, ...maps.map(makeMapsFigure));
  }
  folder.querySelectorAll("figure").forEach((figure, place) => paintMaps(figure, maps[place]));
}

function makeMapsFigure({ name, shape: [height, width, channels] }) {
  const figure = document.createElement("figure");
  const planes = document.createElement("div");
  planes.setAttribute("role", "img");
  planes.setAttribute("aria-label", `Feature maps after ${name}`);
  for (let channel = 0; channel < channels; channel++) {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.style.width = `${width * Math.ceil(MAP / width)}px`;
    planes.append(canvas);
  }
  const caption = document.createElement("figcaption");
  caption.textContent = `after ${name}: ${channels} of ${height} × ${width}; darker is larger`;
  figure.append(caption, planes);
  return figure;
}

// All maps of a layer on one scale, from white, 0 or the smallest value, to black.
function paintMaps(figure, { shape: [height, width, channels], values }) {
  const largest = values.reduce((a, b) => Math.max(a, b), 0) || 1;
  const smallest = values.reduce((a, b) => Math.min(a, b), 0);
  figure.querySelectorAll("canvas").forEach((canvas, channel) => {
    const image = new ImageData(width, height);
    for (let item = 0; item < image.data.length; item++) {
      const value = values[(item >> 2) * channels + channel];
      const grey = 255 - (255 * (value - smallest)) / (largest - smallest);
      image.data[item] = item % 4 === 3 ? 255 : grey;
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
  });
}

function sortClasses(probabilities) {
  return [...bench.classes.keys()].sort((a, b) => probabilities[b] - probabilities[a]);
}

function percent(share) {
  return `${(100 * share).toFixed(1)}%`;
}
