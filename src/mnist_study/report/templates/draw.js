// The section where one draws, chooses a picture or steps through test images, and every net
// answers. The nets are at hand in the console, too: networks[0].answer(pixels, shape).

const PEN = 21; // pixels of the pad: some two of the nets'
const LARGEST_SIDE = 1000; // of a chosen picture that is read, in pixels
const ROWS = 12; // classes shown of each net; of more classes, the most probable
const MAP = 30; // pixels a side that a feature map is enlarged to at least

const bench = JSON.parse(document.getElementById("bench").textContent);
const images = decodeBytes(bench.pixels);
const section = document.querySelector(".try");
const find = (selector) => section.querySelector(selector);
const networks = (globalThis.networks = bench.nets.map(build));

if (networks.some((network) => network)) {
  find(".bench").hidden = false;
  const panels = bench.nets.map((net, place) => networks[place] && makePanel(net));
  const show = (pixels, what) => showAnswers(panels, pixels, what);
  const clear = bench.recipe ? setUpPad(show) : () => {};
  setUpPictures((pixels, what) => (clear(), show(pixels, what)));
  setUpSteps((pixels, what) => (clear(), show(pixels, what)));
}
find(".unscripted").hidden = true;

function build(net) {
  try {
    if (!net.layers.length) throw new Error(`weights of ${(net.bytes / 1e6).toFixed()} MB`);
    return new Network(net);
  } catch (error) {
    const item = document.createElement("li");
    item.textContent = `The ${net.title} has ${error.message}, so it cannot answer on this page.`;
    find(".problems").append(item);
    return null;
  }
}

function prepare(picture) {
  return bench.recipe ? prepareStrokes(picture, bench.shape, bench.recipe) : prepareWhole(picture, bench.shape);
}

// Show what the nets see and answer. `what` names it once it is whole: while one draws it is "".
function showAnswers(panels, pixels, what) {
  paintSeen(pixels);
  const answers = networks.map((network) => network && pixels && network.answer(pixels, bench.shape));
  panels.forEach((panel, place) => panel?.(answers[place]));
  if (!what) return;
  const said = bench.nets.map(({ title }, place) => {
    const best = answers[place] && sortClasses(answers[place].probabilities)[0];
    return answers[place] && `the ${title} says ${bench.classes[best]} (${percent(answers[place].probabilities[best])})`;
  });
  find(".said").textContent = pixels ? `${what}: ${said.filter((each) => each).join(", ")}.` : what;
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

// The table of a net and its feature maps; returns what fills them with an answer, or empties them.
function makePanel({ title, colour }) {
  const count = Math.min(ROWS, bench.classes.length);
  const table = document.createElement("table");
  table.style.setProperty("--net", `var(--net-${colour})`);
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
  find(".answers").append(table);
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
  if (folder.children.length !== maps.length + 1) {
    const heading = document.createElement("h3");
    heading.textContent = maps.length ? `Feature maps of the ${title}` : "";
    folder.replaceChildren(...(maps.length ? [heading] : []), ...maps.map(makeMapsFigure));
  }
  maps.forEach((map, place) => paintMaps(folder.querySelectorAll("canvas")[place], map));
}

function makeMapsFigure({ name, shape: [height, width, channels] }) {
  const figure = document.createElement("figure");
  const canvas = document.createElement("canvas");
  const columns = Math.min(10, channels);
  canvas.width = columns * (width + 1) - 1;
  canvas.height = Math.ceil(channels / columns) * (height + 1) - 1;
  canvas.style.width = `${canvas.width * Math.ceil(MAP / width)}px`;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Feature maps after ${name}`);
  const caption = document.createElement("figcaption");
  caption.textContent = `after ${name}: ${channels} of ${height} × ${width}`;
  figure.append(canvas, caption);
  return figure;
}

// The maps side by side, a gap between them; the darker, the larger, over all of them.
function paintMaps(canvas, { shape: [height, width, channels], values }) {
  const image = new ImageData(canvas.width, canvas.height);
  const columns = Math.min(10, channels);
  const [low, high] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [0, 0]);
  values.forEach((value, item) => {
    const [pixel, channel] = [Math.floor(item / channels), item % channels];
    const y = Math.floor(channel / columns) * (height + 1) + Math.floor(pixel / width);
    const x = (channel % columns) * (width + 1) + (pixel % width);
    const grey = 255 - (255 * (value - low)) / (high - low || 1);
    image.data.set([grey, grey, grey, 255], 4 * (y * canvas.width + x));
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// Drawing with a mouse, a pen or a finger; returns what empties the pad.
function setUpPad(show) {
  const pad = find(".pad canvas");
  const context = pad.getContext("2d", { willReadFrequently: true });
  let last = null; // where the pen is while it draws
  let frame = 0;

  function empty() {
    context.fillStyle = "white";
    context.fillRect(0, 0, pad.width, pad.height);
    find(".pad").classList.remove("used");
  }
  function draw({ clientX, clientY }) {
    const box = pad.getBoundingClientRect();
    const x = ((clientX - box.left) * pad.width) / box.width;
    const y = ((clientY - box.top) * pad.height) / box.height;
    Object.assign(context, { lineWidth: PEN, lineCap: "round", strokeStyle: "black" });
    context.beginPath();
    context.moveTo(...(last ?? [x, y]));
    context.lineTo(x, y);
    context.stroke();
    last = [x, y];
  }
  function answer(what) {
    cancelAnimationFrame(frame);
    frame = 0;
    show(prepare(context.getImageData(0, 0, pad.width, pad.height)), what);
  }
  function end() {
    if (last) answer("Your drawing");
    last = null;
  }

  pad.setAttribute("role", "img");
  pad.setAttribute("aria-label", "Draw here with a mouse, a pen or a finger");
  pad.addEventListener("pointerdown", (event) => {
    pad.setPointerCapture(event.pointerId);
    find(".pad").classList.add("used");
    draw(event);
    answer("");
  });
  pad.addEventListener("pointermove", (event) => {
    if (!last) return;
    const moves = event.getCoalescedEvents?.() ?? [];
    (moves.length ? moves : [event]).forEach(draw);
    frame ||= requestAnimationFrame(() => answer(""));
  });
  for (const name of ["pointerup", "pointercancel"]) pad.addEventListener(name, end);
  find(".clear").addEventListener("click", () => {
    empty();
    show(null, "Nothing is drawn.");
  });
  empty();
  return empty;
}

// A picture that is chosen, or dropped anywhere on the section.
function setUpPictures(show) {
  const input = find("input[type=file]");
  async function open(file) {
    try {
      const bitmap = await createImageBitmap(file);
      const scale = Math.min(1, LARGEST_SIDE / Math.max(bitmap.width, bitmap.height));
      const size = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(scale * side)));
      const canvas = Object.assign(document.createElement("canvas"), { width: size[0], height: size[1] });
      const context = canvas.getContext("2d");
      context.drawImage(bitmap, 0, 0, ...size);
      const pixels = prepare(context.getImageData(0, 0, ...size));
      show(pixels, pixels ? file.name : `${file.name} shows nothing.`);
    } catch {
      show(null, `${file.name} is no picture that this browser can read.`);
    }
  }
  input.addEventListener("change", () => input.files[0] && open(input.files[0]));
  section.addEventListener("dragover", (event) => event.preventDefault());
  section.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
  });
}

function setUpSteps(show) {
  const form = find(".steps");
  const choice = form.querySelector("select");
  const size = bench.shape.reduce((a, b) => a * b);
  let shown = 0; // place among the images of the page

  function showImage(place) {
    shown = place;
    const label = bench.classes[bench.label[place]];
    const what = `Test image ${bench.index[place].toLocaleString("en")}, label ${label}`;
    show(images.subarray(place * size, (place + 1) * size), what);
  }
  function step(by) {
    const net = bench.nets[choice.value];
    const chosen = [...bench.index.keys()].filter(
      (place) => !choice.value || net.said[place] !== bench.label[place],
    );
    const after = by > 0 ? chosen.find((place) => place > shown) : chosen.findLast((place) => place < shown);
    const next = after ?? chosen.at(by > 0 ? 0 : -1);
    if (next !== undefined) showImage(next);
  }
  for (const button of form.querySelectorAll("button")) {
    button.addEventListener("click", () => step(Number(button.value)));
  }
  choice.addEventListener("change", () => {
    shown = -1;
    step(1);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  showImage(0);
}

function sortClasses(probabilities) {
  return [...bench.classes.keys()].sort((a, b) => probabilities[b] - probabilities[a]);
}

function percent(share) {
  return `${(100 * share).toFixed(1)}%`;
}
