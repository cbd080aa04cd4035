// Who takes part, and how each of them is started.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const script = (name) => fileURLToPath(new URL(`../contestants/${name}`, import.meta.url));

const node = (id, title, file, flags = [], extra = {}) => ({
  id,
  title,
  command: [process.execPath, script(file), ...flags],
  env: {},
  ...extra,
});

/** BLAS libraries read their thread counts from the environment, whatever PyTorch is told. */
const blasThreads = (threads) =>
  Object.fromEntries(
    ['OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS', 'BLIS_NUM_THREADS'].map((name) => [
      name,
      String(threads),
    ]),
  );

const pytorch = (python, id, threads) => ({
  id,
  title: `PyTorch, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
  command: [python, script('pytorch.py'), '--threads', String(threads), '--memory'],
  env: blasThreads(threads),
});

/** Those on the GPU as installed: they take few steps, since they only show what parking brings. */
const AS_INSTALLED = { short: true };

const NODE_CONTESTANTS = [
  node('foretoken', 'Foretoken, WebGPU', 'foretoken.mjs'),
  node('jax-js', 'jax-js, WebGPU, parked', 'jax-js.mjs', ['--backend', 'webgpu', '--parked']),
  node(
    'jax-js-unparked',
    'jax-js, WebGPU, as installed',
    'jax-js.mjs',
    ['--backend', 'webgpu'],
    AS_INSTALLED,
  ),
  node('tfjs', 'TensorFlow.js, WebGPU, parked', 'tfjs.mjs', ['--parked']),
  node('tfjs-unparked', 'TensorFlow.js, WebGPU, as installed', 'tfjs.mjs', [], AS_INSTALLED),
  node('jax-js-wasm', 'jax-js, WASM, 1 thread', 'jax-js.mjs', ['--backend', 'wasm']),
  node('jax-js-wasm-2', 'jax-js, WASM, 2 threads', 'jax-js.mjs', ['--backend', 'wasm', '--threads', '2']),
];

/** A Python with torch: `$PYTHON`, or the first of the usual ones that can import it. */
function findPython() {
  const candidates = [process.env.PYTHON, 'python3', '/usr/bin/python3', 'python'].filter(Boolean);
  return candidates.find((python) => spawnSync(python, ['-c', 'import torch']).status === 0);
}

/** The contestants with these ids, or all that this machine can run. */
export function chooseContestants(ids) {
  const inNode = (id) => NODE_CONTESTANTS.some((each) => each.id === id);
  const wantsPython = ids === undefined || !ids.every(inNode);
  const python = wantsPython ? findPython() : undefined;
  const all = [
    ...NODE_CONTESTANTS,
    ...(python ? [pytorch(python, 'pytorch', 1), pytorch(python, 'pytorch-2', 2)] : []),
  ];
  if (ids === undefined) return all;
  return ids.map((id) => {
    const found = all.find((each) => each.id === id);
    if (found) return found;
    const known = all.map((each) => each.id).join(', ');
    throw new Error(
      `--contestants: ${id} is none of ${known}${python ? '' : ' (no Python with torch was found)'}.`,
    );
  });
}
