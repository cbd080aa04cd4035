// D width, H heads, Hk key/value heads, K width of a head, I hidden width of the MLP, V vocabulary.
import { isGated } from '@foretoken/nn';
import type { Shape } from '@foretoken/tensor';
import type { TransformerConfig } from '../config.js';

/** A tensor of a file that is a parameter, or rows of one. */
export interface Part {
  readonly name: string;
  /** In the file. */
  readonly shape: Shape;
  /** `[in, out]` in the file (GPT-2's Conv1D), `[out, in]` in the parameter. */
  readonly transposed?: boolean;
}

/** The tensors of a file that make up each parameter, by its name: one after the other along the first axis. */
export type NameMap = ReadonlyMap<string, readonly Part[]>;

/** The values of a part. */
export const partSize = ({ shape }: Part): number => shape.reduce((product, size) => product * size, 1);

/** How a family of models calls the tensors of one layer; all without weight or bias behind. */
export interface LayerNames {
  readonly attentionNorm: string;
  /** One name for all three in one tensor, or one for each. */
  readonly queryKeyValue: readonly [string] | readonly [query: string, key: string, value: string];
  readonly attentionOutput: string;
  readonly attentionOutputNorm?: string;
  readonly mlpNorm: string;
  /** Gate and up where the MLP is gated, or one name for both in one tensor. */
  readonly up: readonly [string] | readonly [gate: string, up: string];
  readonly down: string;
  readonly mlpOutputNorm?: string;
}

/** How a family of models calls the tensors of its layers, and of the norm behind them. */
export interface LayersNames {
  /** What stands in front of all names of layer `index`. */
  readonly layer: (index: number) => string;
  readonly inLayer: LayerNames;
  readonly finalNorm: string;
  /** Whether weights of linear layers lie `[in, out]`. */
  readonly transposed: boolean;
}

/** How a family of models with tokens and an output calls its tensors. */
export interface ModelNames extends LayersNames {
  readonly embedding: string;
  readonly positions?: string;
  readonly output: string;
}

/** Rows of `parts.length` tensors, which share `rows` as given. */
function linearParts(
  names: readonly string[],
  rows: readonly number[],
  inWidth: number,
  transposed: boolean,
): { weight: Part[]; bias: Part[] } {
  const outWidths = names.length === 1 ? [rows.reduce((sum, size) => sum + size, 0)] : rows;
  const of = (suffix: string, shape: (out: number) => Shape, turned: boolean): Part[] =>
    names.map((name, at) => ({
      name: `${name}.${suffix}`,
      shape: shape(outWidths[at] as number),
      ...(turned ? { transposed: true } : {}),
    }));
  return {
    weight: of('weight', (out) => (transposed ? [inWidth, out] : [out, inWidth]), transposed),
    bias: of('bias', (out) => [out], false),
  };
}

/** Which tensors make up the layers of a transformer of this config and its final norm, in a family that calls them so. */
export function layersMap(config: TransformerConfig, names: LayersNames): NameMap {
  const { width, heads, keyValueHeads, headWidth, mlpWidth, bias } = config;
  const map = new Map<string, readonly Part[]>();
  const putNorm = (parameter: string, name: string): void => {
    map.set(`${parameter}.weight`, [{ name: `${name}.weight`, shape: [width] }]);
    if (bias.norm) map.set(`${parameter}.bias`, [{ name: `${name}.bias`, shape: [width] }]);
  };
  const putLinear = (
    parameter: string,
    called: readonly string[],
    rows: readonly number[],
    inWidth: number,
    biased: boolean,
  ): void => {
    const parts = linearParts(called, rows, inWidth, names.transposed);
    map.set(`${parameter}.weight`, parts.weight);
    if (biased) map.set(`${parameter}.bias`, parts.bias);
  };

  for (let index = 0; index < config.layers; index++) {
    const block = `blocks.${index}`;
    const { inLayer } = names;
    const called = (name: string): string => names.layer(index) + name;
    const headRows = [heads, keyValueHeads, keyValueHeads].map((count) => count * headWidth);
    const queryKeyValue = inLayer.queryKeyValue.map(called);
    putNorm(`${block}.attentionNorm`, called(inLayer.attentionNorm));
    putLinear(`${block}.attention.queryKeyValue`, queryKeyValue, headRows, width, bias.queryKeyValue);
    const output = [called(inLayer.attentionOutput)];
    putLinear(`${block}.attention.output`, output, [width], heads * headWidth, bias.attentionOutput);
    if (inLayer.attentionOutputNorm !== undefined)
      putNorm(`${block}.attentionOutputNorm`, called(inLayer.attentionOutputNorm));
    if (config.mlp === 'none') continue;
    putNorm(`${block}.mlpNorm`, called(inLayer.mlpNorm));
    const up = inLayer.up.map(called);
    const raised = isGated(config.mlp) && up.length === 1 ? 2 * mlpWidth : mlpWidth;
    putLinear(
      `${block}.mlp.up`,
      up,
      up.map(() => raised),
      width,
      bias.mlp,
    );
    putLinear(`${block}.mlp.down`, [called(inLayer.down)], [width], mlpWidth, bias.mlp);
    if (inLayer.mlpOutputNorm !== undefined) putNorm(`${block}.mlpOutputNorm`, called(inLayer.mlpOutputNorm));
  }
  putNorm('finalNorm', names.finalNorm);
  return map;
}

/** Which tensors make up the parameters of a transformer of this config, in a family that calls them so. */
export function nameMap(config: TransformerConfig, names: ModelNames): NameMap {
  const { vocabularySize, maxPositions, width, tiedEmbeddings } = config;
  const table = (name: string, rows: number): readonly Part[] => [
    { name: `${name}.weight`, shape: [rows, width] },
  ];
  return new Map([
    ['embeddings.0.weight', table(names.embedding, vocabularySize)],
    ...(names.positions === undefined
      ? []
      : [['positions.weight', table(names.positions, maxPositions)] as const]),
    ...layersMap(config, names),
    ...(tiedEmbeddings ? [] : [['output.weight', table(names.output, vocabularySize)] as const]),
  ]);
}
