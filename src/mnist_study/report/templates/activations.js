// What a layer does to its output, as Keras does it.
// Source: https://keras.io/api/layers/activations/
const ACTIVATIONS = {
  linear: (x) => x,
  relu: (x) => Math.max(0, x),
  elu: (x) => (x > 0 ? x : Math.expm1(x)),
  gelu: (x) => (x / 2) * (1 + erf(x / Math.SQRT2)),
  leaky_relu: (x) => (x > 0 ? x : 0.2 * x),
  selu: (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  silu: (x) => x / (1 + Math.exp(-x)),
  tanh: Math.tanh,
};

function activate(name) {
  if (name === "softmax") return softmax;
  const change = ACTIVATIONS[name];
  if (!change) throw new Error(`the activation ${name ?? "of its own"}`);
  return ({ shape, values }) => ({ shape, values: values.map(change) });
}

function softmax({ shape, values }) {
  const size = shape.at(-1);
  const result = new Float32Array(values.length);
  for (let start = 0; start < values.length; start += size) {
    const row = values.subarray(start, start + size);
    const largest = Math.max(...row);
    const powers = Array.from(row, (value) => Math.exp(value - largest));
    const sum = powers.reduce((a, b) => a + b);
    result.set(powers.map((power) => power / sum), start);
  }
  return { shape, values: result };
}

// To 1.5e-7. Source: M. Abramowitz, I. Stegun: Handbook of Mathematical Functions, 7.1.26.
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const factors = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592];
  const series = factors.reduce((sum, factor) => t * (sum + factor), 0);
  return Math.sign(x) * (1 - series * Math.exp(-x * x));
}
