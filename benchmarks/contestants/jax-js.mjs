// jax-js: the whole step (loss, gradients, AdamW) in one jit, as its documentation advises.
import { readFileSync } from 'node:fs';
import { contest, options } from '../lib/contest.mjs';
import { ADAMW, isLinear, NORM_EPS, nested, transposed } from '../lib/problem.mjs';

const backend = options.backend ?? 'webgpu';
const gpu =
  backend === 'webgpu'
    ? await (await import('../lib/gpu-shim.mjs')).installGpu({ parked: options.parked })
    : await (await import('../lib/worker-shim.mjs')).installWorkers(options.threads ?? 1);
const jax = await import('@jax-js/jax');
const { numpy: np, nn, tree } = jax;

// Operations take ownership of their arguments; `.ref` keeps an array for another use.

const linear = (x, { weight, bias }) => np.matmul(x, weight).add(bias);

const norm = (x, { weight, bias }) => nn.standardize(x, -1, { epsilon: NORM_EPS }).mul(weight).add(bias);

function attention(x, { queryKeyValue, output }, { batch, context, heads, width }) {
  const headed = (part) => part.reshape([batch, context, heads, width / heads]).transpose([0, 2, 1, 3]);
  const [query, key, value] = np.split(linear(x, queryKeyValue), 3, -1).map(headed);
  const scores = np.matmul(query, key.transpose([0, 1, 3, 2])).mul(1 / Math.sqrt(width / heads));
  const causal = np.tri(context, context, 0, { dtype: np.bool });
  const weights = nn.softmax(np.where(causal, scores, -Infinity), -1);
  const mixed = np.matmul(weights, value).transpose([0, 2, 1, 3]);
  return linear(mixed.reshape([batch * context, width]), output);
}

function block(x, { attentionNorm, attention: attentionParameters, mlpNorm, mlp }, size) {
  const attended = x.ref.add(attention(norm(x, attentionNorm), attentionParameters, size));
  const raised = nn.gelu(linear(norm(attended.ref, mlpNorm), mlp.up), { approximate: true });
  return attended.add(linear(raised, mlp.down));
}

function lossOf(size) {
  const { batch, context, width, vocab } = size;
  return (parameters, tokens, targets) => {
    const embedded = np.take(parameters.embeddings[0].weight, tokens, 0);
    let hidden = embedded.add(parameters.positions.weight).reshape([batch * context, width]);
    for (const each of parameters.blocks) hidden = block(hidden, each, size);
    const logits = np.matmul(norm(hidden, parameters.finalNorm), parameters.output.weight);
    const chosen = nn.oneHot(targets.reshape([batch * context]), vocab);
    return nn.logSoftmax(logits, -1).mul(chosen).sum(-1).mean().neg();
  };
}

/** AdamW of one parameter; `scale` is 1 / (1 - beta1^t), 1 / (1 - beta2^t). */
function adamw({ parameter, gradient, mean, square }, scale) {
  const { learningRate, beta1, beta2, eps, weightDecay } = ADAMW;
  const nextMean = mean.mul(beta1).add(gradient.ref.mul(1 - beta1));
  const nextSquare = square.mul(beta2).add(np.square(gradient).mul(1 - beta2));
  const step = nextMean.ref
    .mul(scale.mean)
    .div(np.sqrt(nextSquare.ref.mul(scale.square)).add(eps))
    .mul(learningRate);
  return {
    parameter: parameter.mul(1 - learningRate * weightDecay).sub(step),
    mean: nextMean,
    square: nextSquare,
  };
}

function updateOf(size) {
  const lossAndGradient = jax.valueAndGrad(lossOf(size));
  return (state, tokens, targets, scale) => {
    const [loss, gradients] = lossAndGradient(tree.ref(state.parameters), tokens, targets);
    const [parameters, structure] = tree.flatten(state.parameters);
    const leaves = [gradients, state.means, state.squares].map((each) => tree.leaves(each));
    const updated = parameters.map((parameter, at) => {
      const [gradient, mean, square] = leaves.map((each) => each[at]);
      const own = { mean: scale.mean.ref, square: scale.square.ref };
      return adamw({ parameter, gradient, mean, square }, own);
    });
    tree.dispose(scale);
    const part = (name) =>
      tree.unflatten(
        structure,
        updated.map((each) => each[name]),
      );
    return { loss, state: { parameters: part('parameter'), means: part('mean'), squares: part('square') } };
  };
}

async function open({ size, parameters, tokens, targets }) {
  await jax.init(backend);
  jax.defaultDevice(backend);
  const array = ({ data, shape }) => np.array(data, { shape });
  const entries = [...parameters].map(([name, tensor]) => [
    name,
    isLinear(name) ? transposed(tensor) : tensor,
  ]);
  const values = (valuesOf) => nested(entries.map(([name, tensor]) => [name, array(valuesOf(tensor))]));
  const zeros = ({ data, shape }) => ({ data: new Float32Array(data.length), shape });
  let state = { parameters: values((tensor) => tensor), means: values(zeros), squares: values(zeros) };
  const batch = { tokens: array(tokens), targets: array(targets) };
  const update = jax.jit(updateOf(size));
  let stepNumber = 0;
  const step = async () => {
    stepNumber++;
    const scale = {
      mean: np.array(Float32Array.of(1 / (1 - ADAMW.beta1 ** stepNumber)), { shape: [] }),
      square: np.array(Float32Array.of(1 / (1 - ADAMW.beta2 ** stepNumber)), { shape: [] }),
    };
    const result = update(state, batch.tokens.ref, batch.targets.ref, scale);
    state = result.state;
    const [loss] = await result.loss.data();
    return loss;
  };
  return { step, report: () => ({ adapter: gpu?.adapter, peakBytes: gpu?.memory?.peakBytes }) };
}

const packageFile = new URL('../node_modules/@jax-js/jax/package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(packageFile, 'utf8'));
await contest({ name: 'jax-js', version, backend }, open);
