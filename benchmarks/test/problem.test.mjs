import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeProblem, nested, parameterShapes, readProblem, transposed } from '../lib/problem.mjs';
import { chooseSizes, SIZES } from '../lib/sizes.mjs';

/** A safetensors file, written without the code under test. */
function fileOf(tensors, metadata) {
  const header = { __metadata__: metadata };
  let at = 0;
  for (const [name, { data, shape, dtype }] of tensors) {
    header[name] = {
      dtype: dtype === 'f32' ? 'F32' : 'I32',
      shape,
      data_offsets: [at, at + data.byteLength],
    };
    at += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const bytes = [...tensors.values()].map(({ data }) => Buffer.from(data.buffer));
  return Buffer.concat([length, json, ...bytes]);
}

test('a problem is the same each time, and as it was read back', () => {
  const size = { name: 'S', ...SIZES.S };
  const problem = makeProblem(size);
  assert.deepEqual(makeProblem(size), problem);
  const folder = mkdtempSync(join(tmpdir(), 'problem-'));
  try {
    const file = join(folder, 'problem.safetensors');
    writeFileSync(file, fileOf(problem, { size: JSON.stringify(size) }));
    const read = readProblem(file);
    assert.deepEqual(read.size, size);
    assert.deepEqual(read.targets.data, problem.get('targets').data);
    for (const [name, { data, shape }] of read.parameters) {
      assert.deepEqual({ data, shape }, { data: problem.get(name).data, shape: problem.get(name).shape });
    }
    assert.equal(read.parameters.size, parameterShapes(size).length);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('weights are normal with deviation 0.02, targets are the next tokens', () => {
  const problem = makeProblem(SIZES.M);
  const { data } = problem.get('blocks.0.mlp.up.weight');
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  const deviation = Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length);
  assert.ok(Math.abs(mean) < 3e-4, `mean ${mean}`);
  assert.ok(Math.abs(deviation - 0.02) < 3e-4, `deviation ${deviation}`);
  const [tokens, targets] = [problem.get('tokens').data, problem.get('targets').data];
  const { context } = SIZES.M;
  for (let at = 0; at < context - 1; at++) assert.equal(targets[at], tokens[at + 1]);
  assert.ok(tokens.every((token) => token >= 0 && token < SIZES.M.vocab));
});

test('transposed and nested', () => {
  const flipped = transposed({ data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] });
  assert.deepEqual(flipped, { data: Float32Array.of(1, 4, 2, 5, 3, 6), shape: [3, 2] });
  const tree = nested([
    ['blocks.0.up.bias', 1],
    ['blocks.1.up.bias', 2],
    ['norm.weight', 3],
  ]);
  assert.deepEqual(tree, { blocks: [{ up: { bias: 1 } }, { up: { bias: 2 } }], norm: { weight: 3 } });
});

test('sizes by name and by flag', () => {
  assert.deepEqual(chooseSizes(['S'])[0], { name: 'S', ...SIZES.S });
  assert.deepEqual(chooseSizes(['M', 'S'], { layers: '6' }), [{ name: 'custom', ...SIZES.M, layers: 6 }]);
  assert.throws(() => chooseSizes(['L']), /L is none of S, M/);
  assert.throws(() => chooseSizes(['S'], { heads: '5' }), /width 64 is no multiple of 5 heads/);
  assert.throws(() => chooseSizes(['S'], { batch: 'many' }), /--batch: expected a positive whole number/);
});
