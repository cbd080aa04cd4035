import { loopEnd } from '../compile/emitter.js';
import type { KernelContext, KernelText, Target } from '../compile/kernel.js';
import type { GraphNode } from '../graph.js';
import { type MatmulAttributes, type MatmulSizes, matmulSizes } from '../ops/matmul.js';
import { rowMajorStrides, type Shape, sizeOf } from '../shape.js';

const MAX_WORKGROUPS = 65535;
const range = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

/** The offset, in matrices, of batch entry `entry` in an operand whose batch axes broadcast. */
function batchOffset(entry: string, batch: Shape, own: Shape): string {
  const strides = rowMajorStrides(batch);
  const ownStrides = rowMajorStrides(own);
  const terms = own.flatMap((size, axis) => {
    if (size === 1) return [];
    const at = axis + batch.length - own.length;
    return [`(${entry} / ${strides[at]}u % ${batch[at]}u) * ${ownStrides[axis]}u`];
  });
  return terms.length === 0 ? '0u' : terms.join(' + ');
}

interface Problem extends MatmulSizes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /** Statements that set `tileRow`, `tileColumn`, `startA`, `startB`, `startC` (in elements). */
  readonly locate: string;
  readonly workgroups: readonly [number, number, number];
}

/** Spreads tiles over workgroups: along columns first, so that neighbours share rows of A. */
function layTiles(
  node: GraphNode,
  attributes: MatmulAttributes,
  tileRows: number,
  tileColumns: number,
): Problem {
  const [a, b] = node.inputs as [GraphNode, GraphNode];
  const sizes = matmulSizes(a.shape, b.shape, attributes);
  const { batch, rows, inner, columns } = sizes;
  const across = Math.ceil(columns / tileColumns);
  const down = Math.ceil(rows / tileRows);
  const total = across * down * sizeOf(batch);
  const width = Math.min(total, MAX_WORKGROUPS);
  const locate = `
  let tile = group.y * ${width}u + group.x;
  if (tile >= ${total}u) { return; }
  let tileColumn = (tile % ${across}u) * ${tileColumns}u;
  let tileRow = (tile / ${across}u % ${down}u) * ${tileRows}u;
  let entry = tile / ${across * down}u;
  let startA = (${batchOffset('entry', batch, a.shape.slice(0, -2))}) * ${rows * inner}u;
  let startB = (${batchOffset('entry', batch, b.shape.slice(0, -2))}) * ${inner * columns}u;
  let startC = entry * ${rows * columns}u;`;
  const workgroups = [width, total === 0 ? 0 : Math.ceil(total / width), 1] as const;
  return { ...sizes, ...attributes, locate, workgroups };
}

/**
 * For adapters that run on the CPU: each invocation keeps a tile of the result in registers and lanes lie along
 * columns, so that the loads of A are the same for all lanes. No workgroup memory: barriers cost more there than
 * the loads that they save. Loads are of four elements wherever the sizes allow it.
 */
function registerTiles({ node, attributes, wgsl }: KernelContext<MatmulAttributes>): KernelText {
  const [a, b] = node.inputs as [GraphNode, GraphNode];
  const { rows, columns } = matmulSizes(a.shape, b.shape, attributes);
  const lanes = 8;
  // Vectors of four columns for each lane: two where that still leaves no lane idle.
  const vectors = columns % 64 === 0 && rows >= 256 ? 2 : 1;
  const tileRows = Math.min(vectors === 2 ? 8 : 16, Math.max(4, Math.ceil(rows / 4) * 4));
  const problem = layTiles(node, attributes, tileRows, lanes * 4 * vectors);
  const { inner, transposeA, transposeB } = problem;
  const wideA = (transposeA ? rows : inner) % 4 === 0;
  const wideB = (transposeB ? inner : columns) % 4 === 0;
  const wideC = columns % 4 === 0;
  const bufferA = wgsl.input(0, wideA ? 'vec4<f32>' : 'f32');
  const sameBuffer = wgsl.emitter.placement.bufferOf(a) === wgsl.emitter.placement.bufferOf(b);
  const bufferB = wgsl.input(1, sameBuffer ? (wideA ? 'vec4<f32>' : 'f32') : wideB ? 'vec4<f32>' : 'f32');
  const useWideB = sameBuffer ? wideA : wideB;
  const step = inner % 4 === 0 && ((wideA && !transposeA) || (useWideB && transposeB)) ? 4 : 1;

  const elementA = (offset: string): string =>
    wideA ? `${bufferA}[(${offset}) / 4u][(${offset}) % 4u]` : `${bufferA}[${offset}]`;
  const elementB = (offset: string): string =>
    useWideB ? `${bufferB}[(${offset}) / 4u][(${offset}) % 4u]` : `${bufferB}[${offset}]`;

  // a{row}_{k}: element of A; b{k}_{vector}: four columns of B.
  const loads: string[] = [];
  const row = (at: number): string => `min(tileRow + ${at}u, ${rows - 1}u)`;
  if (!transposeA && step === 4 && wideA) {
    for (const r of range(tileRows)) loads.push(`let a${r} = ${bufferA}[rowA${r} + k / 4u];`);
  } else if (transposeA && wideA) {
    for (const k of range(step)) {
      for (const quad of range(tileRows / 4)) {
        loads.push(
          `let t${k}_${quad} = ${bufferA}[(startA + (k + ${k}u) * ${rows}u) / 4u + min(tileRow / 4u + ${quad}u, ${rows / 4 - 1}u)];`,
        );
      }
    }
  } else {
    for (const k of range(step)) {
      for (const r of range(tileRows)) {
        const offset = transposeA
          ? `startA + (k + ${k}u) * ${rows}u + ${row(r)}`
          : `startA + ${row(r)} * ${inner}u + k + ${k}u`;
        loads.push(`let s${k}_${r} = ${elementA(offset)};`);
      }
    }
  }
  const valueA = (r: number, k: number): string => {
    if (!transposeA && step === 4 && wideA) return `a${r}[${k}]`;
    if (transposeA && wideA) return `t${k}_${Math.floor(r / 4)}[${r % 4}]`;
    return `s${k}_${r}`;
  };
  const column = (v: number, c: number): string => `min(column${v} + ${c}u, ${columns - 1}u)`;
  for (const v of range(vectors)) {
    if (!transposeB && useWideB) {
      for (const k of range(step)) {
        loads.push(
          `let b${k}_${v} = ${bufferB}[(startB + (k + ${k}u) * ${columns}u + min(column${v}, ${columns - 4}u)) / 4u];`,
        );
      }
    } else if (transposeB && useWideB && step === 4) {
      for (const c of range(4))
        loads.push(`let q${v}_${c} = ${bufferB}[(startB + ${column(v, c)} * ${inner}u + k) / 4u];`);
      for (const k of range(4)) {
        loads.push(
          `let b${k}_${v} = vec4<f32>(${range(4)
            .map((c) => `q${v}_${c}[${k}]`)
            .join(', ')});`,
        );
      }
    } else {
      for (const k of range(step)) {
        const parts = range(4).map((c) =>
          elementB(
            transposeB
              ? `startB + ${column(v, c)} * ${inner}u + k + ${k}u`
              : `startB + (k + ${k}u) * ${columns}u + ${column(v, c)}`,
          ),
        );
        loads.push(`let b${k}_${v} = vec4<f32>(${parts.join(', ')});`);
      }
    }
  }
  const updates = range(step).flatMap((k) =>
    range(tileRows).flatMap((r) => range(vectors).map((v) => `c${r}_${v} += ${valueA(r, k)} * b${k}_${v};`)),
  );
  const output = wgsl.output;
  const stores = range(tileRows).flatMap((r) =>
    range(vectors).map((v) => {
      const offset = `startC + (tileRow + ${r}u) * ${columns}u + column${v}`;
      const store = wideC
        ? `if (column${v} < ${columns}u) { ${output}[(${offset}) / 4u] = c${r}_${v}; }`
        : range(4)
            .map(
              (c) =>
                `if (column${v} + ${c}u < ${columns}u) { ${output}[${offset} + ${c}u] = c${r}_${v}[${c}]; }`,
            )
            .join(' ');
      return `if (tileRow + ${r}u < ${rows}u) { ${store} }`;
    }),
  );
  return {
    workgroupSize: [lanes, 1, 1],
    workgroups: problem.workgroups,
    body: `${problem.locate}
${range(vectors)
  .map((v) => `  let column${v} = tileColumn + (${v * lanes}u + lane) * 4u;`)
  .join('\n')}
${
  !transposeA && step === 4 && wideA
    ? range(tileRows)
        .map((r) => `  let rowA${r} = (startA + ${row(r)} * ${inner}u) / 4u;`)
        .join('\n')
    : ''
}
${range(tileRows)
  .flatMap((r) => range(vectors).map((v) => `  var c${r}_${v} = vec4<f32>();`))
  .join('\n')}
  for (var k = 0u; k < ${loopEnd(inner)}; k += ${step}u) {
    ${loads.join('\n    ')}
    ${updates.join('\n    ')}
  }
  ${stores.join('\n  ')}`,
  };
}

/** Multiplications from which a product is worth the second that a driver takes to compile a large tile. */
const LARGE_PRODUCT = 2 ** 21;
/** Workgroups that keep all cores of a CPU busy until the end. */
const BUSY_WORKGROUPS = 16;

/** Rows and column vectors of a tile of the subgroup variant. */
function subgroupTile(
  { batch, rows, inner, columns }: MatmulSizes,
  lanes: number,
): { tileRows: number; vectors: number } {
  const matrices = sizeOf(batch);
  const large = matrices * rows * inner * columns >= LARGE_PRODUCT;
  const vectors = Math.max(1, Math.min(large ? 8 : 4, Math.ceil(columns / lanes)));
  const across = Math.ceil(columns / (lanes * vectors)) * matrices;
  const keepsBusy = (height: number): boolean => Math.floor(rows / height) * across >= BUSY_WORKGROUPS;
  // The fewer columns a tile has, the more rows fit into it.
  if (large && vectors <= 4 && keepsBusy(32)) return { tileRows: 32, vectors };
  if (large && keepsBusy(16)) return { tileRows: 16, vectors };
  return { tileRows: Math.max(1, Math.min(8, rows)), vectors };
}

/** The last of `count` places; 0 of none, where no workgroup runs. */
const lastOf = (count: number): string => `${Math.max(count - 1, 0)}u`;

/**
 * For adapters that run on the CPU and have subgroups. A load costs many times an arithmetic instruction there, and
 * for one element that all lanes share it costs half of what it does for one element a lane. So each lane loads another element of a
 * row of A, and the subgroup hands them round. Workgroups are one subgroup each.
 */
function subgroupTiles({ node, attributes, wgsl, target }: KernelContext<MatmulAttributes>): KernelText {
  const lanes = target.subgroupSize as number;
  const [a, b] = node.inputs as [GraphNode, GraphNode];
  const { tileRows, vectors } = subgroupTile(matmulSizes(a.shape, b.shape, attributes), lanes);
  const problem = layTiles(node, attributes, tileRows, lanes * vectors);
  const { rows, inner, columns, transposeA, transposeB } = problem;
  const [bufferA, bufferB] = [wgsl.input(0), wgsl.input(1)];
  const tileR = range(tileRows);
  const tileV = range(vectors);
  const loadA = (r: number): string =>
    transposeA
      ? `${bufferA}[startA + own * ${rows}u + row${r}]`
      : `${bufferA}[startA + row${r} * ${inner}u + own]`;
  const loadB = (v: number): string =>
    transposeB ? `${bufferB}[column${v} + along]` : `${bufferB}[column${v} + along * ${columns}u]`;
  const columnStart = (v: number): string => {
    const column = `min(tileColumn + ${v * lanes}u + lane, ${lastOf(columns)})`;
    return transposeB ? `startB + ${column} * ${inner}u` : `startB + ${column}`;
  };
  const lines = (texts: readonly string[]): string => texts.join('\n  ');
  return {
    workgroupSize: [lanes, 1, 1],
    workgroups: problem.workgroups,
    enables: ['subgroups'],
    body: `${problem.locate}
  ${lines(tileR.map((r) => `let row${r} = min(tileRow + ${r}u, ${lastOf(rows)});`))}
  ${lines(tileV.map((v) => `let column${v} = ${columnStart(v)};`))}
  ${lines(tileR.flatMap((r) => tileV.map((v) => `var c${r}_${v} = 0.0;`)))}
  for (var k = 0u; k < ${loopEnd(inner)}; k += ${lanes}u) {
  let own = min(k + lane, ${lastOf(inner)});
  ${lines(tileR.map((r) => `let a${r} = ${loadA(r)};`))}
  for (var i = 0u; i < min(${lanes}u, ${inner}u - k); i++) {
  let along = k + i;
  ${lines(tileV.map((v) => `let b${v} = ${loadB(v)};`))}
  ${lines(
    tileR.map(
      (r) =>
        `let s${r} = subgroupShuffle(a${r}, i); ${tileV.map((v) => `c${r}_${v} += s${r} * b${v};`).join(' ')}`,
    ),
  )}
  }
  }
  ${lines(
    tileR.map((r) => {
      const stores = tileV.map((v) => {
        const column = `tileColumn + ${v * lanes}u + lane`;
        const store = `${wgsl.output}[startC + (tileRow + ${r}u) * ${columns}u + ${column}] = c${r}_${v};`;
        return columns % (lanes * vectors) === 0 ? store : `if (${column} < ${columns}u) { ${store} }`;
      });
      const row = stores.join(' ');
      return rows % tileRows === 0 ? row : `if (tileRow + ${r}u < ${rows}u) { ${row} }`;
    }),
  )}`,
  };
}

/**
 * For GPUs: workgroups load tiles of A and B into shared memory, and each invocation computes 4 x 4 results.
 */
function sharedTiles({ node, attributes, wgsl }: KernelContext<MatmulAttributes>): KernelText {
  const tile = 64;
  const depth = 16;
  const problem = layTiles(node, attributes, tile, tile);
  const { rows, inner, columns, transposeA, transposeB } = problem;
  const a = wgsl.input(0);
  const b = wgsl.input(1);
  const load = (
    name: string,
    buffer: string,
    start: string,
    transposed: boolean,
    limit: number,
    tileStart: string,
  ): string => `
    for (var i = lane; i < ${tile * depth}u; i += 256u) {
      // Neighbouring lanes read neighbouring addresses.
      let across = ${transposed ? `i % ${tile}u` : `i / ${depth}u`};
      let deep = ${transposed ? `i / ${tile}u` : `i % ${depth}u`};
      let at = ${tileStart} + across;
      let along = k + deep;
      var value = 0.0;
      if (at < ${limit}u && along < ${inner}u) { value = ${buffer}[${start} + ${transposed ? `along * ${limit}u + at` : `at * ${inner}u + along`}]; }
      ${name}[deep * ${tile + 1}u + across] = value;
    }`;
  return {
    workgroupSize: [16, 16, 1],
    workgroups: problem.workgroups,
    declarations: `var<workgroup> sharedA: array<f32, ${(tile + 1) * depth}>;\nvar<workgroup> sharedB: array<f32, ${(tile + 1) * depth}>;`,
    body: `${problem.locate}
  var sums = array<vec4<f32>, 4>();
  for (var k = 0u; k < ${loopEnd(inner)}; k += ${depth}u) {${load('sharedA', a, 'startA', transposeA, rows, 'tileRow')}${load('sharedB', b, 'startB', !transposeB, columns, 'tileColumn')}
    workgroupBarrier();
    for (var deep = 0u; deep < ${depth}u; deep++) {
      let fromA = deep * ${tile + 1}u + local.y * 4u;
      let fromB = deep * ${tile + 1}u + local.x;
      let right = vec4<f32>(sharedB[fromB], sharedB[fromB + 16u], sharedB[fromB + 32u], sharedB[fromB + 48u]);
      for (var r = 0u; r < 4u; r++) { sums[r] += sharedA[fromA + r] * right; }
    }
    workgroupBarrier();
  }
  for (var r = 0u; r < 4u; r++) {
    let row = tileRow + local.y * 4u + r;
    for (var c = 0u; c < 4u; c++) {
      let column = tileColumn + local.x + c * 16u;
      if (row < ${rows}u && column < ${columns}u) { ${wgsl.output}[startC + row * ${columns}u + column] = sums[r][c]; }
    }
  }`,
  };
}

interface Variant {
  readonly name: string;
  readonly build: (context: KernelContext<MatmulAttributes>) => KernelText;
  readonly outputType: (node: GraphNode) => string;
}

const plainOutput = (): string => 'f32';

const REGISTERS: Variant = {
  name: 'registers',
  build: registerTiles,
  // It writes four columns at once where it can.
  outputType: ({ shape }) => ((shape.at(-1) as number) % 4 === 0 ? 'vec4<f32>' : 'f32'),
};
const SUBGROUPS: Variant = { name: 'subgroups', build: subgroupTiles, outputType: plainOutput };
const SHARED: Variant = { name: 'shared memory', build: sharedTiles, outputType: plainOutput };

function variantFor({ software, subgroupSize }: Target): Variant {
  if (!software) return SHARED;
  return subgroupSize === undefined ? REGISTERS : SUBGROUPS;
}

/** The matrix product, in the variant for the adapter. */
export function matmulKernel(context: KernelContext<MatmulAttributes>): KernelText {
  const { name, build } = variantFor(context.target);
  return { ...build(context), variant: name };
}

/** The WGSL element type of the result. */
export const matmulOutputType = (node: GraphNode, target: Target): string =>
  variantFor(target).outputType(node);
