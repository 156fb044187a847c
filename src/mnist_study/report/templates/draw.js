// The section where one draws, chooses a picture or steps through test images, and every net
// answers. The nets are at hand in the console, too: networks[0].answer(pixels, shape).

const PEN = 21; // pixels of the pad: some two of the nets'
const LARGEST_SIDE = 1000; // of a chosen picture that is read, in pixels

const bench = JSON.parse(document.getElementById("bench").textContent);
const images = decodeBytes(bench.pixels);
const section = document.querySelector(".try");
const find = (selector) => section.querySelector(selector);
const networks = (globalThis.networks = bench.nets.map(build));

if (networks.some((network) => network)) {
  find(".bench").hidden = false;
  const panels = bench.nets.map((net, place) => networks[place] && makePanel(net, place));
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
  const { shape, recipe } = bench;
  return recipe ? prepareStrokes(picture, shape, recipe) : prepareWhole(picture, shape);
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
    if (!event.isPrimary || event.button !== 0) return;
    pad.setPointerCapture(event.pointerId);
    find(".pad").classList.add("used");
    draw(event);
    answer("");
  });
  pad.addEventListener("pointermove", (event) => {
    if (!last || !event.isPrimary) return;
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
      const width = Math.max(1, Math.round(scale * bitmap.width));
      const height = Math.max(1, Math.round(scale * bitmap.height));
      const canvas = Object.assign(document.createElement("canvas"), { width, height });
      const context = canvas.getContext("2d");
      context.drawImage(bitmap, 0, 0, width, height);
      const pixels = prepare(context.getImageData(0, 0, width, height));
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
    const net = bench.nets.find(({ name }) => name === choice.value);
    const chosen = [...bench.index.keys()].filter(
      (place) => !net || net.said[place] !== bench.label[place],
    );
    const others = by > 0 ? chosen : chosen.toReversed();
    const next = others.find((place) => by * (place - shown) > 0) ?? others[0]; // round and round
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
