// Prepares a picture as the images of the data were: gives intensities 0–255 of the nets' shape,
// row by row, or null where nothing is drawn.

const LEAST_CONTRAST = 12; // of 255; less is no drawing

// What is drawn, as MNIST's makers prepared it: cropped, its longer side scaled to `box` pixels,
// each the mean of what it covers, light on black, the centre of mass in the middle.
// Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document
// recognition. Proceedings of the IEEE 86(11), 1998, section III.A.
function prepareStrokes(picture, [height, width, channels], { box, centre }) {
  const ink = findInk(picture);
  if (!ink) return null;
  const around = findBox(ink, picture.width);
  const scale = box / Math.max(around.height, around.width);
  const rows = Math.max(1, round(scale * around.height));
  const columns = Math.max(1, round(scale * around.width));
  const small = average(ink.strength, picture.width, around, rows, columns);
  const largest = Math.max(...small);
  const middle = [Math.floor(rows / 2), Math.floor(columns / 2)];
  const [y, x] = centre === "mass" ? findCentre(small, columns) : middle;
  const pixels = small.flatMap((value) => Array(channels).fill((255 * value) / largest));
  const top = Math.floor(height / 2) - round(y);
  const left = Math.floor(width / 2) - round(x);
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
  let [light, alpha] = [0, 0];
  for (let item = 0; item < data.length; item += 4) {
    light += (data[item] + data[item + 1] + data[item + 2]) * data[item + 3];
    alpha += data[item + 3];
  }
  const behind = light < 128 * 3 * alpha ? 255 : 0;
  return [0, 1, 2].map((band) => {
    const values = new Float32Array(data.length / 4);
    for (let pixel = 0; pixel < values.length; pixel++) {
      const share = data[4 * pixel + 3] / 255;
      values[pixel] = behind + (data[4 * pixel + band] - behind) * share;
    }
    return values;
  });
}

function readGrey(picture) {
  const [red, green, blue] = readBands(picture);
  return red.map((value, pixel) => 0.299 * value + 0.587 * green[pixel] + 0.114 * blue[pixel]);
}

// How strongly each pixel is drawn on, 0–1, and from which strength on it counts as such; null
// where there is too little contrast. The ground is the border's median colour; what is drawn
// differs from it in one direction of colour, that of the largest differences.
function findInk(picture) {
  const bands = readBands(picture);
  const [red, green, blue] = bands;
  const ground = bands.map((band) => findMedian(readBorder(band, picture)));
  const direction = [0, 0, 0];
  for (let pixel = 0; pixel < red.length; pixel++) {
    for (let band = 0; band < 3; band++) bands[band][pixel] -= ground[band];
    const size = Math.sqrt(red[pixel] ** 2 + green[pixel] ** 2 + blue[pixel] ** 2);
    if (size === 0) continue;
    for (let band = 0; band < 3; band++) direction[band] += size * bands[band][pixel];
  }
  const norm = Math.hypot(...direction) || 1;
  const [r, g, b] = direction.map((each) => each / norm);
  const strength = new Float32Array(red.length);
  let [total, count] = [0, 0];
  for (let pixel = 0; pixel < red.length; pixel++) {
    strength[pixel] = r * red[pixel] + g * green[pixel] + b * blue[pixel];
    if (strength[pixel] <= LEAST_CONTRAST) continue;
    total += strength[pixel];
    count++;
  }
  if (count === 0) return null;
  const least = Math.max(total / count, LEAST_CONTRAST);
  const contrast = findMedian(strength.filter((value) => value >= least));
  for (let pixel = 0; pixel < red.length; pixel++) {
    strength[pixel] = clamp((strength[pixel] / contrast - 0.15) / 0.7, 0, 1);
  }
  return { strength, drawn: (0.4 - 0.15) / 0.7 };
}

function readBorder(band, { width, height }) {
  const border = [band.subarray(0, width), band.subarray((height - 1) * width)];
  for (let y = 1; y < height - 1; y++) border.push([band[y * width], band[(y + 1) * width - 1]]);
  return Float32Array.from(border.flatMap((values) => [...values]));
}

function findMedian(values) {
  return values.sort()[Math.floor(values.length / 2)];
}

// The smallest box that holds all pixels that are drawn on.
function findBox({ strength, drawn }, width) {
  let [top, left, bottom, right] = [Infinity, Infinity, -1, -1];
  for (let pixel = 0; pixel < strength.length; pixel++) {
    if (strength[pixel] <= drawn) continue;
    const [y, x] = [Math.floor(pixel / width), pixel % width];
    top = Math.min(top, y);
    left = Math.min(left, x);
    bottom = Math.max(bottom, y);
    right = Math.max(right, x);
  }
  return { top, left, height: bottom - top + 1, width: right - left + 1 };
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

// A half to the even number, as Python rounds.
function round(value) {
  const whole = Math.floor(value);
  return value - whole === 0.5 ? whole + (whole % 2) : Math.round(value);
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
