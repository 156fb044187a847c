// Prepares a picture as the images of the data were: gives intensities 0–255 of the nets' shape,
// row by row, or null where nothing is drawn.

const LEAST_CONTRAST = 12; // of 255; less is no drawing

// What is drawn, as MNIST's makers prepared it: cropped, its longer side scaled to `box` pixels,
// each the mean of what it covers, light on black, the centre of mass in the middle.
// Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document
// recognition. Proceedings of the IEEE 86(11), 1998, section III.A.
function prepareStrokes(picture, [height, width, channels], { box, centre }) {
  const ink = findInk(picture);
  const around = ink && findBox(ink.isDrawn, picture.width);
  if (!around) return null;
  const scale = box / Math.max(around.height, around.width);
  const rows = Math.max(1, Math.round(scale * around.height));
  const columns = Math.max(1, Math.round(scale * around.width));
  const small = average(ink.strength, picture.width, around, rows, columns);
  const largest = Math.max(...small);
  const [y, x] = centre === "mass" ? findCentre(small, columns) : [Math.floor(rows / 2), Math.floor(columns / 2)];
  const pixels = small.flatMap((value) => Array(channels).fill((255 * value) / largest));
  const [top, left] = [Math.floor(height / 2) - Math.round(y), Math.floor(width / 2) - Math.round(x)];
  return place(pixels, columns, [height, width, channels], top, left);
}

// Any other picture: scaled to fit, its aspect kept, and centred on black.
function prepareWhole(picture, [height, width, channels]) {
  const scale = Math.min(height / picture.height, width / picture.width);
  const rows = Math.max(1, Math.round(scale * picture.height));
  const columns = Math.max(1, Math.round(scale * picture.width));
  const box = { top: 0, left: 0, height: picture.height, width: picture.width };
  const bands = channels === 1 ? [readGrey(picture)] : readBands(picture);
  const small = bands.map((band) => average(band, picture.width, box, rows, columns));
  const mixed = small[0].flatMap((_, pixel) => small.map((band) => band[pixel]));
  const [top, left] = [Math.floor((height - rows) / 2), Math.floor((width - columns) / 2)];
  return place(mixed, columns, [height, width, channels], top, left);
}

// Red, green and blue of an ImageData, 0–255. What is transparent becomes white, or black where
// what is drawn is light.
function readBands({ data }) {
  const pixels = [...Array(data.length / 4).keys()];
  const alpha = Float32Array.from(pixels, (pixel) => data[4 * pixel + 3] / 255);
  const bands = [0, 1, 2].map((band) => Float32Array.from(pixels, (pixel) => data[4 * pixel + band]));
  if (alpha.every((share) => share === 1)) return bands;
  const drawn = bands.map((band) => sum(band.map((value, pixel) => value * alpha[pixel])));
  const behind = sum(drawn) / (3 * sum(alpha)) < 128 ? 255 : 0;
  return bands.map((band) => band.map((value, pixel) => behind + (value - behind) * alpha[pixel]));
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

function readGrey(picture) {
  const [red, green, blue] = readBands(picture);
  return red.map((value, pixel) => 0.299 * value + 0.587 * green[pixel] + 0.114 * blue[pixel]);
}

// How strongly each pixel is drawn on, 0–1, and whether it counts as such; null where there is too
// little contrast. The ground is the border's median colour; what is drawn differs from it in one
// direction of colour, that of the largest differences.
function findInk(picture) {
  const bands = readBands(picture).map((band) => {
    const ground = findMedian(band.filter((_, pixel) => isBorder(pixel, picture)));
    return band.map((value) => value - ground);
  });
  const sizes = bands[0].map((_, pixel) => Math.hypot(...bands.map((band) => band[pixel])));
  const sums = bands.map((band) => sum(band.map((value, pixel) => value * sizes[pixel])));
  const norm = Math.hypot(...sums);
  if (norm === 0) return null;
  const along = sizes.map((_, pixel) =>
    bands.reduce((sum, band, place) => sum + (band[pixel] * sums[place]) / norm, 0));
  const found = along.filter((value) => value > LEAST_CONTRAST);
  if (!found.length) return null;
  const mean = sum(found) / found.length;
  const contrast = findMedian(found.filter((value) => value >= mean));
  return {
    strength: along.map((value) => clamp((value / contrast - 0.15) / 0.7, 0, 1)),
    isDrawn: along.map((value) => value > 0.4 * contrast),
  };
}

function isBorder(pixel, { width, height }) {
  const [y, x] = [Math.floor(pixel / width), pixel % width];
  return y === 0 || x === 0 || y === height - 1 || x === width - 1;
}

function findMedian(values) {
  return values.sort()[Math.floor(values.length / 2)];
}

// The smallest box that holds all pixels that are drawn on.
function findBox(isDrawn, width) {
  let [top, left, bottom, right] = [Infinity, Infinity, -1, -1];
  isDrawn.forEach((yes, pixel) => {
    if (!yes) return;
    const [y, x] = [Math.floor(pixel / width), pixel % width];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
    [left, right] = [Math.min(left, x), Math.max(right, x)];
  });
  return bottom < 0 ? null : { top, left, height: bottom - top + 1, width: right - left + 1 };
}

// A box of an image, scaled: each new pixel is the mean of those whose middle it covers.
function average(values, stride, box, rows, columns) {
  const result = [];
  for (const [top, bottom] of divide(box.height, rows)) {
    for (const [left, right] of divide(box.width, columns)) {
      let total = 0;
      for (let y = box.top + top; y < box.top + bottom; y++) {
        for (let x = box.left + left; x < box.left + right; x++) total += values[y * stride + x];
      }
      result.push(total / ((bottom - top) * (right - left)));
    }
  }
  return result;
}

// [first, behind the last] pixel of each of `parts` equal parts of a side, one pixel at least.
function divide(side, parts) {
  return Array.from({ length: parts }, (_, part) => {
    const first = Math.min(side - 1, Math.round((part * side) / parts));
    return [first, Math.max(first + 1, Math.round(((part + 1) * side) / parts))];
  });
}

// Centre of mass [y, x], as numbers of pixels from 0 on.
function findCentre(values, width) {
  let [mass, y, x] = [0, 0, 0];
  values.forEach((value, pixel) => {
    mass += value;
    y += value * Math.floor(pixel / width);
    x += value * (pixel % width);
  });
  return [y / mass, x / mass];
}

// A small image on black, its upper left corner at top and left; what lies outside is cut off.
function place(values, columns, [height, width, channels], top, left) {
  const result = new Uint8Array(height * width * channels);
  values.forEach((value, item) => {
    const [pixel, channel] = [Math.floor(item / channels), item % channels];
    const [y, x] = [top + Math.floor(pixel / columns), left + (pixel % columns)];
    const isInside = y >= 0 && y < height && x >= 0 && x < width;
    if (isInside) result[(y * width + x) * channels + channel] = Math.round(value);
  });
  return result;
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
