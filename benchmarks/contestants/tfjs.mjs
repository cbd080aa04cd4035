// TensorFlow.js: variables, tf.variableGrads inside tf.tidy, AdamW composed of its operations.
import { createRequire } from 'node:module';
import { contest, options } from '../lib/contest.mjs';
import { installGpu } from '../lib/gpu-shim.mjs';
import { ADAMW, isLinear, NORM_EPS, nested, transposed } from '../lib/problem.mjs';

const gpu = await installGpu({ parked: options.parked });
const require = createRequire(import.meta.url);
// tfjs advises its native Node backend on the console; that one has no WebGPU.
console.warn = () => {};
const tf = require('@tensorflow/tfjs');
require('@tensorflow/tfjs-backend-webgpu');

/** `[rows, inputs]` to `[rows, outputs]`, the bias added in the kernel of the product. */
const linear = (x, { weight, bias }) => tf.fused.matMul({ a: x, b: weight, bias });

function norm(x, { weight, bias }) {
  const centered = x.sub(x.mean(-1, true));
  const variance = centered.square().mean(-1, true);
  return centered.mul(variance.add(NORM_EPS).rsqrt()).mul(weight).add(bias);
}

/** Tanh form: `x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`. */
function gelu(x) {
  const inner = x
    .square()
    .mul(0.044715)
    .add(1)
    .mul(x)
    .mul(Math.sqrt(2 / Math.PI));
  return inner.tanh().add(1).mul(x).mul(0.5);
}

function attention(x, { queryKeyValue, output }, { batch, context, heads, width }, mask) {
  const headed = (part) => part.reshape([batch, context, heads, width / heads]).transpose([0, 2, 1, 3]);
  const [query, key, value] = tf.split(linear(x, queryKeyValue), 3, -1).map(headed);
  const scores = tf
    .matMul(query, key, false, true)
    .mul(1 / Math.sqrt(width / heads))
    .add(mask);
  const mixed = tf.matMul(tf.softmax(scores), value).transpose([0, 2, 1, 3]);
  return linear(mixed.reshape([batch * context, width]), output);
}

function block(x, { attentionNorm, attention: attentionParameters, mlpNorm, mlp }, size, mask) {
  const attended = x.add(attention(norm(x, attentionNorm), attentionParameters, size, mask));
  return attended.add(linear(gelu(linear(norm(attended, mlpNorm), mlp.up)), mlp.down));
}

function lossOf(parameters, size, { tokens, wanted, mask }) {
  const { batch, context, width } = size;
  const embedded = tf.gather(parameters.embeddings[0].weight, tokens).add(parameters.positions.weight);
  let hidden = embedded.reshape([batch * context, width]);
  for (const each of parameters.blocks) hidden = block(hidden, each, size, mask);
  const logits = tf.matMul(norm(hidden, parameters.finalNorm), parameters.output.weight);
  return tf.losses.softmaxCrossEntropy(wanted, logits);
}

/** One update of every variable; the constants of step `t` are folded into two numbers. */
function adamw(entries, gradients, t) {
  const { learningRate, beta1, beta2, eps, weightDecay } = ADAMW;
  const rootCorrection = Math.sqrt(1 - beta2 ** t);
  const rate = (learningRate * rootCorrection) / (1 - beta1 ** t);
  for (const { variable, mean, square } of entries) {
    const gradient = gradients[variable.name];
    mean.assign(mean.mul(beta1).add(gradient.mul(1 - beta1)));
    square.assign(square.mul(beta2).add(gradient.square().mul(1 - beta2)));
    const step = mean.div(square.sqrt().add(eps * rootCorrection)).mul(rate);
    variable.assign(variable.mul(1 - learningRate * weightDecay).sub(step));
  }
}

async function open({ size, parameters, tokens, targets }) {
  await tf.setBackend('webgpu');
  const entries = [...parameters].map(([name, tensor]) => {
    const { data, shape } = isLinear(name) ? transposed(tensor) : tensor;
    const variable = (suffix, trainable, values) =>
      tf.variable(tf.tensor(values, shape), trainable, name + suffix);
    return {
      variable: variable('', true, data),
      mean: variable('.mean', false, new Float32Array(data.length)),
      square: variable('.square', false, new Float32Array(data.length)),
    };
  });
  const variables = entries.map(({ variable }) => variable);
  const tree = nested(variables.map((variable) => [variable.name, variable]));
  const { context, vocab } = size;
  const above = Float32Array.from({ length: context * context }, (_, at) =>
    at % context > Math.floor(at / context) ? -1e9 : 0,
  );
  const inputs = {
    tokens: tf.tensor2d(tokens.data, tokens.shape, 'int32'),
    wanted: tf.oneHot(tf.tensor1d(targets.data, 'int32'), vocab).toFloat(),
    mask: tf.tensor2d(above, [context, context]),
  };
  let stepNumber = 0;
  const step = async () => {
    stepNumber++;
    const loss = tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => lossOf(tree, size, inputs), variables);
      adamw(entries, grads, stepNumber);
      return value;
    });
    const [value] = await loss.data();
    loss.dispose();
    return value;
  };
  return { step, report: () => ({ adapter: gpu.adapter, peakBytes: gpu.memory.peakBytes }) };
}

await contest({ name: 'TensorFlow.js', version: tf.version.tfjs, backend: 'webgpu' }, open);
