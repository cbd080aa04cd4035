import type { KernelContext, KernelText } from '../../compile/kernel.js';
import { loopEnd, repeat } from '../../compile/loops.js';
import type { GraphNode } from '../../graph.js';
import type { MatmulAttributes, MatmulSizes } from '../../ops/matmul.js';
import { sizeOf } from '../../shape.js';
import { range } from '../lanes.js';
import { layTiles } from './tiling.js';

const VECTOR = 4;
const COMPONENTS = 'xyzw';

/** Rows of a tile, and vectors of four columns that each lane computes. */
export interface SubgroupTile {
  readonly tileRows: number;
  readonly vectors: number;
}

const TALLEST = 32;

/** The least that all sides of a product measure where tiles are two vectors wide: their code takes longer to compile. */
const LARGE = 128;

/**
 * The largest tile that leaves enough of them: for large products two vectors wide, so that what is handed round serves
 * twice; else one vector wide, and lower where they would be too few. For few rows it holds no more than those.
 */
export function usualTile(
  { batch, rows, inner, columns }: MatmulSizes,
  lanes: number,
  workgroupsToFill: number,
): SubgroupTile {
  const tiles = (tileRows: number, vectors: number): number =>
    Math.ceil(rows / tileRows) * Math.ceil(columns / (vectors * lanes * VECTOR)) * sizeOf(batch);
  if (Math.min(rows, inner, columns) >= LARGE && tiles(TALLEST, 2) >= workgroupsToFill)
    return { tileRows: TALLEST, vectors: 2 };
  let tileRows = TALLEST;
  while (tileRows > 1 && tileRows / 2 >= rows) tileRows /= 2;
  while (tileRows > 8 && tiles(tileRows, 1) < workgroupsToFill) tileRows /= 2;
  return { tileRows, vectors: 1 };
}

/** How a factor lies in memory, as the kernel reads it. */
interface Factor {
  /** Statements for the columns of A or rows of B at one place along the inner axis. */
  readonly load: readonly string[];
  /** Statements before the loop over the inner axis. */
  readonly before: readonly string[];
}

/**
 * For adapters that run on the CPU and have subgroups. There a load is a loop over the lanes with a test each, which
 * costs many times an arithmetic instruction; a vector of four costs little more than one element. So for each place
 * along the inner axis, the lanes load one vector of four columns of B each, and one load brings the elements of A
 * for all rows, which the subgroup hands round. Everything that is not a size is in the code, and little is
 * unrolled: drivers compile long straight code slowly.
 */
export function subgroupTiles(
  { node, attributes, wgsl, target }: KernelContext<MatmulAttributes>,
  { tileRows, vectors }: SubgroupTile,
): KernelText {
  const lanes = target.subgroupSize as number;
  const [a, b] = node.inputs as [GraphNode, GraphNode];
  const tiling = layTiles(node, attributes, tileRows, lanes * vectors * VECTOR);
  const { rows, inner, columns, transposeA, transposeB } = tiling;

  // One buffer has one element type: what A and B share is read as vectors by both or by none.
  const shared = wgsl.emitter.placement.bufferOf(a) === wgsl.emitter.placement.bufferOf(b);
  const alignedA = (transposeA ? rows : inner) % VECTOR === 0;
  const alignedB = !transposeB && columns % VECTOR === 0;
  const wideA = alignedA && (!shared || alignedB);
  const wideB = alignedB && (!shared || alignedA);
  const wideC = columns % VECTOR === 0;
  const elementsA = wgsl.reader(0, wideA ? VECTOR : 1);
  const elementsB = wgsl.reader(1, wideB ? VECTOR : 1);

  const tileR = range(tileRows);
  const tileV = range(vectors);
  const quarter = transposeA && wideA;
  /** Elements of A that one load brings for each lane, along the rows. */
  const rowsEach = quarter ? VECTOR : 1;
  const loads = range(Math.ceil(tileRows / (lanes * rowsEach)));
  const rowOf = (p: number): string => `min(tileRow + ${p * lanes}u + lane, rows - 1u)`;
  const factorA: Factor = transposeA
    ? {
        before: loads.map((p) =>
          quarter
            ? `let row${p} = min(tileRow / 4u + ${p * lanes}u + lane, rows / 4u - 1u);`
            : `let row${p} = ${rowOf(p)};`,
        ),
        load: loads.map((p) =>
          quarter
            ? `let a${p} = ${elementsA(`(startA + k * rows) / 4u + row${p}`)};`
            : `let a${p} = ${elementsA(`startA + k * rows + row${p}`)};`,
        ),
      }
    : {
        before: loads.map((p) => `let row${p} = startA + ${rowOf(p)} * inner;`),
        load: wideA ? [] : loads.map((p) => `let a${p} = ${elementsA(`row${p} + k`)};`),
      };
  const fromA = (r: number): string => {
    if (quarter) {
      const vector = Math.floor(r / VECTOR);
      return `subgroupShuffle(a${Math.floor(vector / lanes)}.${COMPONENTS[r % VECTOR]}, ${vector % lanes}u)`;
    }
    const element = `a${Math.floor(r / lanes)}${transposeA || !wideA ? '' : '.x'}`;
    return `subgroupShuffle(${element}, ${r % lanes}u)`;
  };
  const column = (v: number): string => `tileColumn + ${v * lanes * VECTOR}u + lane * 4u`;
  const placeB = (v: number, c: number): string => {
    const at = `min(column${v} + ${c}u, columns - 1u)`;
    return elementsB(transposeB ? `startB + ${at} * inner + k` : `startB + k * columns + ${at}`);
  };
  const loadB = tileV.map((v) =>
    wideB
      ? `let b${v} = ${elementsB(`(startB + k * columns + min(column${v}, columns - 4u)) / 4u`)};`
      : `let b${v} = vec4<f32>(${range(VECTOR)
          .map((c) => placeB(v, c))
          .join(', ')});`,
  );
  const lines = (texts: readonly string[]): string => texts.join('\n  ');
  const multiply = lines([
    ...factorA.load,
    ...loadB,
    ...tileR.map((r) => `{ let s = ${fromA(r)}; ${tileV.map((v) => `c${r}_${v} += s * b${v};`).join(' ')} }`),
  ]);
  // Rows of A that lie along the inner axis come four places at a time, and turn while they are used up.
  const loop =
    !transposeA && wideA
      ? repeat(
          'quad',
          { end: 'inner / 4u' },
          `${lines(loads.map((p) => `var a${p} = ${elementsA(`row${p} / 4u + quad`)};`))}
  ${repeat(
    'part',
    { end: loopEnd(VECTOR) },
    `let k = quad * 4u + part;
  ${multiply}
  ${lines(loads.map((p) => `a${p} = a${p}.yzwx;`))}`,
  )}`,
        )
      : repeat('k', { end: 'inner' }, multiply);

  const store = (r: number, row: string): string[] =>
    tileV.map((v) => {
      const place = `startC + ${row} * columns + column${v}`;
      if (wideC)
        return `if (${row} < rows && column${v} < columns) { ${wgsl.store(`(${place}) / 4u`, `c${r}_${v}`)} }`;
      return range(VECTOR)
        .map(
          (c) =>
            `if (${row} < rows && column${v} + ${c}u < columns) { ${wgsl.store(`${place} + ${c}u`, `c${r}_${v}[${c}]`)} }`,
        )
        .join(' ');
    });
  return {
    workgroupSize: [lanes, 1, 1],
    workgroups: tiling.workgroups,
    parameters: tiling.parameters,
    directives: ['enable subgroups'],
    body: `${tiling.locate}
  ${lines(tileV.map((v) => `let column${v} = ${column(v)};`))}
  ${lines(factorA.before)}
  ${lines(tileR.flatMap((r) => tileV.map((v) => `var c${r}_${v} = vec4<f32>();`)))}
  ${inner === 0 ? '' : loop}
  ${lines(storeInTurns(tileRows, tileV, store))}`,
  };
}

/** Stores a row at a time and moves up the others: storing all side by side is slow to compile. */
function storeInTurns(
  tileRows: number,
  vectors: readonly number[],
  store: (row: number, place: string) => readonly string[],
): readonly string[] {
  if (tileRows === 1) return store(0, 'tileRow');
  const moves = range(tileRows - 1).flatMap((r) => vectors.map((v) => `c${r}_${v} = c${r + 1}_${v};`));
  const body = [...store(0, 'stored'), ...moves].join('\n  ');
  return [repeat('stored', { start: 'tileRow', end: `tileRow + ${tileRows}u` }, body)];
}
