// Computes what a network answers, as Keras does: it walks through the layers that weights.py
// has read. A tensor is { shape: [height, width, channels] or [n], values: Float32Array }.

class Network {
  // Throws an Error whose message names the first layer that cannot be computed here.
  constructor({ layers }) {
    this.layers = layers.map((layer) => {
      const make = LAYERS[layer.kind];
      if (!make) throw new Error(`a layer ${layer.kind}`);
      const weights = layer.weights.map(decodeFloats);
      return { name: layer.name, kind: layer.kind, compute: make(layer, weights) };
    });
  }

  // pixels: intensities 0–255, row by row. Gives the probabilities of the classes, and the maps
  // of the first convolution and of each pooling, as tensors with the layer's name.
  answer(pixels, shape) {
    let tensor = { shape, values: Float32Array.from(pixels) };
    const maps = [];
    for (const { name, kind, compute } of this.layers) {
      tensor = compute(tensor);
      const first = kind === "Conv2D" && maps.length === 0;
      if ((first || /^(Max|Average)Pooling2D$/.test(kind)) && tensor.shape.length === 3) {
        maps.push({ name, ...tensor });
      }
    }
    return { probabilities: tensor.values, maps };
  }
}

function decodeBytes(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function decodeFloats(text) {
  return new Float32Array(decodeBytes(text).buffer);
}

// Each function takes a layer's configuration and weights, and returns what computes its output.
const LAYERS = {
  InputLayer: same,
  Dropout: same,
  SpatialDropout2D: same,
  GaussianNoise: same,
  Rescaling: ({ scale, offset }) => {
    const at = (value, channel) => (Array.isArray(value) ? value[channel % value.length] : value);
    return overChannels((value, channel) => value * at(scale, channel) + at(offset, channel));
  },
  Flatten: () => ({ values }) => ({ shape: [values.length], values }),
  Activation: ({ activation }) => activate(activation),
  Dense: makeDense,
  Conv2D: makeConvolution,
  ZeroPadding2D: makePadding,
  MaxPooling2D: (layer) => makePooling(layer, Math.max, -Infinity, (largest) => largest),
  AveragePooling2D: (layer) => makePooling(layer, (a, b) => a + b, 0, (sum, count) => sum / count),
  GlobalAveragePooling2D: () => ({ shape: [height, width, channels], values }) => {
    const sums = new Float64Array(channels);
    values.forEach((value, place) => (sums[place % channels] += value));
    return { shape: [channels], values: Float32Array.from(sums, (sum) => sum / (height * width)) };
  },
  BatchNormalization: ({ epsilon, scale, center }, weights) => {
    const rest = [...weights];
    const gamma = scale ? rest.shift() : null;
    const beta = center ? rest.shift() : null;
    const [mean, variance] = rest;
    return overChannels((value, c) => {
      const standard = (value - mean[c]) / Math.sqrt(variance[c] + epsilon);
      return standard * (gamma?.[c] ?? 1) + (beta?.[c] ?? 0);
    });
  },
};

function same() {
  return (tensor) => tensor;
}

function overChannels(change) {
  return ({ shape, values }) => {
    const channels = shape.at(-1);
    return { shape, values: values.map((value, place) => change(value, place % channels)) };
  };
}

function makeDense({ units, activation }, [kernel, bias]) {
  const finish = activate(activation);
  return ({ shape, values }) => {
    const size = shape.at(-1);
    const result = new Float32Array((values.length / size) * units);
    const sums = new Float64Array(units);
    for (let row = 0; row < values.length / size; row++) {
      for (let unit = 0; unit < units; unit++) sums[unit] = bias ? bias[unit] : 0;
      for (let place = 0; place < size; place++) {
        addScaled(sums, values[row * size + place], kernel, place * units);
      }
      result.set(sums, row * units);
    }
    return finish({ shape: [...shape.slice(0, -1), units], values: result });
  };
}

function makeConvolution(layer, [kernel, bias]) {
  const { filters, kernel_size: size, strides, padding, activation } = layer;
  refuse(layer.groups > 1 || Math.max(...layer.dilation_rate) > 1, layer, "groups or dilation");
  refuse(layer.data_format !== "channels_last", layer, "channels first");
  const finish = activate(activation);
  return ({ shape: [height, width, channels], values }) => {
    const rows = fit(height, size[0], strides[0], padding);
    const columns = fit(width, size[1], strides[1], padding);
    const result = new Float32Array(rows.count * columns.count * filters);
    const sums = new Float64Array(filters);
    for (let row = 0; row < rows.count; row++) {
      for (let column = 0; column < columns.count; column++) {
        for (let filter = 0; filter < filters; filter++) sums[filter] = bias ? bias[filter] : 0;
        for (let y = 0; y < size[0]; y++) {
          const top = row * strides[0] - rows.before + y;
          if (top < 0 || top >= height) continue;
          for (let x = 0; x < size[1]; x++) {
            const left = column * strides[1] - columns.before + x;
            if (left < 0 || left >= width) continue;
            const pixel = (top * width + left) * channels;
            const weight = (y * size[1] + x) * channels * filters;
            for (let channel = 0; channel < channels; channel++) {
              addScaled(sums, values[pixel + channel], kernel, weight + channel * filters);
            }
          }
        }
        result.set(sums, (row * columns.count + column) * filters);
      }
    }
    return finish({ shape: [rows.count, columns.count, filters], values: result });
  };
}

// sums += factor * weights[start…]: the innermost loop of all products.
function addScaled(sums, factor, weights, start) {
  if (factor === 0) return; // as most pixels of a drawing are
  for (let place = 0; place < sums.length; place++) sums[place] += factor * weights[start + place];
}

function makePooling(layer, join, start, finish) {
  const { pool_size: size, strides, padding } = layer;
  refuse(layer.data_format !== "channels_last", layer, "channels first");
  return ({ shape: [height, width, channels], values }) => {
    const rows = fit(height, size[0], strides[0], padding);
    const columns = fit(width, size[1], strides[1], padding);
    const result = new Float32Array(rows.count * columns.count * channels);
    for (let place = 0; place < result.length; place++) {
      const channel = place % channels;
      const top = Math.floor(place / channels / columns.count) * strides[0] - rows.before;
      const left = (Math.floor(place / channels) % columns.count) * strides[1] - columns.before;
      let [joined, count] = [start, 0]; // of pixels inside of the image
      for (let y = Math.max(0, top); y < Math.min(height, top + size[0]); y++) {
        for (let x = Math.max(0, left); x < Math.min(width, left + size[1]); x++) {
          joined = join(joined, values[(y * width + x) * channels + channel]);
          count++;
        }
      }
      result[place] = finish(joined, count);
    }
    return { shape: [rows.count, columns.count, channels], values: result };
  };
}

// How often a window fits into a side, and how far it begins before it.
function fit(side, size, stride, padding) {
  if (padding === "valid") return { count: Math.floor((side - size) / stride) + 1, before: 0 };
  const count = Math.ceil(side / stride);
  return { count, before: Math.floor(Math.max(0, (count - 1) * stride + size - side) / 2) };
}

function makePadding({ padding }) {
  const [[top, bottom], [left, right]] = padding;
  return ({ shape: [height, width, channels], values }) => {
    const shape = [top + height + bottom, left + width + right, channels];
    const result = new Float32Array(shape[0] * shape[1] * channels);
    for (let row = 0; row < height; row++) {
      const line = values.subarray(row * width * channels, (row + 1) * width * channels);
      result.set(line, ((top + row) * shape[1] + left) * channels);
    }
    return { shape, values: result };
  };
}

function refuse(condition, { kind }, why) {
  if (condition) throw new Error(`a layer ${kind} with ${why}`);
}
