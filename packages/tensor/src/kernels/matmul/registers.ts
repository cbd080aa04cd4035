import type { KernelContext, KernelText } from '../../compile/kernel.js';
import { loopEnd } from '../../compile/loops.js';
import type { GraphNode } from '../../graph.js';
import { type MatmulAttributes, matmulSizes } from '../../ops/matmul.js';
import { range } from '../lanes.js';
import { layTiles } from './tiling.js';

/**
 * For adapters that run on the CPU: each invocation keeps a tile of the result in registers and lanes lie along
 * columns, so that the loads of A are the same for all lanes. No workgroup memory: barriers cost more there than
 * the loads that they save. Loads are of four elements wherever the sizes allow it.
 */
export function registerTiles({ node, attributes, wgsl }: KernelContext<MatmulAttributes>): KernelText {
  const [a, b] = node.inputs as [GraphNode, GraphNode];
  const { rows, columns } = matmulSizes(a.shape, b.shape, attributes);
  const lanes = 8;
  // Vectors of four columns for each lane: two where that still leaves no lane idle.
  const vectors = columns % 64 === 0 && rows >= 256 ? 2 : 1;
  const tileRows = Math.min(vectors === 2 ? 8 : 16, Math.max(4, Math.ceil(rows / 4) * 4));
  const tiling = layTiles(node, attributes, tileRows, lanes * 4 * vectors);
  const { inner, transposeA, transposeB } = tiling;
  const wideA = (transposeA ? rows : inner) % 4 === 0;
  const wideB = (transposeB ? inner : columns) % 4 === 0;
  const wideC = columns % 4 === 0;
  const loadA = wgsl.reader(0, wideA ? 4 : 1);
  const sameBuffer = wgsl.emitter.placement.bufferOf(a) === wgsl.emitter.placement.bufferOf(b);
  const useWideB = sameBuffer ? wideA : wideB;
  const loadB = wgsl.reader(1, useWideB ? 4 : 1);
  const step = inner % 4 === 0 && ((wideA && !transposeA) || (useWideB && transposeB)) ? 4 : 1;

  const elementA = (offset: string): string =>
    wideA ? `${loadA(`(${offset}) / 4u`)}[(${offset}) % 4u]` : loadA(offset);
  const elementB = (offset: string): string =>
    useWideB ? `${loadB(`(${offset}) / 4u`)}[(${offset}) % 4u]` : loadB(offset);

  // a{row}_{k}: element of A; b{k}_{vector}: four columns of B.
  const loads: string[] = [];
  const row = (at: number): string => `min(tileRow + ${at}u, ${rows - 1}u)`;
  if (!transposeA && step === 4 && wideA) {
    for (const r of range(tileRows)) loads.push(`let a${r} = ${loadA(`rowA${r} + k / 4u`)};`);
  } else if (transposeA && wideA) {
    for (const k of range(step)) {
      for (const quad of range(tileRows / 4)) {
        loads.push(
          `let t${k}_${quad} = ${loadA(`(startA + (k + ${k}u) * ${rows}u) / 4u + min(tileRow / 4u + ${quad}u, ${rows / 4 - 1}u)`)};`,
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
          `let b${k}_${v} = ${loadB(`(startB + (k + ${k}u) * ${columns}u + min(column${v}, ${columns - 4}u)) / 4u`)};`,
        );
      }
    } else if (transposeB && useWideB && step === 4) {
      for (const c of range(4))
        loads.push(`let q${v}_${c} = ${loadB(`(startB + ${column(v, c)} * ${inner}u + k) / 4u`)};`);
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
  const stores = range(tileRows).flatMap((r) =>
    range(vectors).map((v) => {
      const offset = `startC + (tileRow + ${r}u) * ${columns}u + column${v}`;
      const store = wideC
        ? `if (column${v} < ${columns}u) { ${wgsl.store(`(${offset}) / 4u`, `c${r}_${v}`)} }`
        : range(4)
            .map(
              (c) =>
                `if (column${v} + ${c}u < ${columns}u) { ${wgsl.store(`${offset} + ${c}u`, `c${r}_${v}[${c}]`)} }`,
            )
            .join(' ');
      return `if (tileRow + ${r}u < ${rows}u) { ${store} }`;
    }),
  );
  return {
    workgroupSize: [lanes, 1, 1],
    workgroups: tiling.workgroups,
    parameters: tiling.parameters,
    body: `${tiling.locate}
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
