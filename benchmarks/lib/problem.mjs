// What all contestants start from: initial parameters and one batch, the same numbers for each of them.
import { readFileSync } from 'node:fs';

/** The optimizer, in every contestant. */
export const ADAMW = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 };
export const NORM_EPS = 1e-5;

const STD = 0.02;
const SEED = 20_240_607;

/** Uniform numbers in [0, 1): Mulberry32, public domain, by Tommy Ettinger. */
function uniforms(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Name, shape and initial values of each parameter; weights of linear layers are [outputs, inputs]. */
export function parameterShapes({ layers, width, vocab, context }) {
  const norm = (name) => [
    { name: `${name}.weight`, shape: [width], init: 'ones' },
    { name: `${name}.bias`, shape: [width], init: 'zeros' },
  ];
  const linear = (name, outputs, inputs) => [
    { name: `${name}.weight`, shape: [outputs, inputs], init: 'normal' },
    { name: `${name}.bias`, shape: [outputs], init: 'zeros' },
  ];
  const block = (at) => [
    ...norm(`blocks.${at}.attentionNorm`),
    ...linear(`blocks.${at}.attention.queryKeyValue`, 3 * width, width),
    ...linear(`blocks.${at}.attention.output`, width, width),
    ...norm(`blocks.${at}.mlpNorm`),
    ...linear(`blocks.${at}.mlp.up`, 4 * width, width),
    ...linear(`blocks.${at}.mlp.down`, width, 4 * width),
  ];
  return [
    { name: 'embeddings.0.weight', shape: [vocab, width], init: 'normal' },
    { name: 'positions.weight', shape: [context, width], init: 'normal' },
    ...Array.from({ length: layers }, (_, at) => block(at)).flat(),
    ...norm('finalNorm'),
    { name: 'output.weight', shape: [vocab, width], init: 'normal' },
  ];
}

/** Parameters and batch of a size, by name, as safetensors takes them. */
export function makeProblem(size) {
  const uniform = uniforms(SEED);
  const normal = () => STD * Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const value = { normal, ones: () => 1, zeros: () => 0 };
  const tensors = new Map();
  for (const { name, shape, init } of parameterShapes(size)) {
    const length = shape.reduce((product, side) => product * side, 1);
    tensors.set(name, { data: Float32Array.from({ length }, value[init]), shape, dtype: 'f32' });
  }
  const { batch, context, vocab } = size;
  const tokens = new Int32Array(batch * context);
  const targets = new Int32Array(batch * context);
  for (let row = 0; row < batch; row++) {
    let token = Math.floor(uniform() * vocab);
    for (let at = 0; at < context; at++) {
      tokens[row * context + at] = token;
      token = Math.floor(uniform() * vocab);
      targets[row * context + at] = token;
    }
  }
  tensors.set('tokens', { data: tokens, shape: [batch, context], dtype: 'i32' });
  tensors.set('targets', { data: targets, shape: [batch, context], dtype: 'i32' });
  return tensors;
}

const ARRAY = { F32: Float32Array, I32: Int32Array };

/**
 * Reads a problem file (safetensors with F32 and I32 tensors). Contestants read it with these few lines, so that no
 * peer loads any part of Foretoken.
 */
export function readProblem(file) {
  const bytes = readFileSync(file);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const { __metadata__: metadata, ...entries } = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength));
  const tensors = new Map();
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(entries)) {
    const [start, end] = offsets.map((offset) => 8 + headerLength + offset);
    const { buffer } = new Uint8Array(bytes.subarray(start, end));
    tensors.set(name, { data: new ARRAY[dtype](buffer), shape });
  }
  const size = JSON.parse(metadata.size);
  const parameters = parameterShapes(size).map(({ name }) => [name, tensors.get(name)]);
  return {
    size,
    parameters: new Map(parameters),
    tokens: tensors.get('tokens'),
    targets: tensors.get('targets'),
  };
}

/** The weight of a linear layer as [inputs, outputs], for libraries that multiply from the left. */
export function transposed({ data, shape: [rows, columns] }) {
  const flipped = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      flipped[column * rows + row] = data[row * columns + column];
    }
  }
  return { data: flipped, shape: [columns, rows] };
}

/** Dotted names to nested objects and arrays. */
export function nested(entries) {
  const root = {};
  for (const [name, value] of entries) {
    const keys = name.split('.');
    let at = root;
    keys.forEach((key, depth) => {
      if (depth === keys.length - 1) at[key] = value;
      else at = at[key] ??= /^\d+$/.test(keys[depth + 1]) ? [] : {};
    });
  }
  return root;
}

/** Whether a parameter is the weight of a linear layer. */
export const isLinear = (name) => /(queryKeyValue|output|up|down)\.weight$/.test(name);
