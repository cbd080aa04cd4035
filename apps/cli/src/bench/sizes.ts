import { parameterCount, type TransformerConfig, transformerConfig } from '@foretoken/models';
import { checkModelFits } from '@foretoken/train';
import { UsageError } from '../errors.js';

/** What the cost of a step depends on. */
export interface StepSize {
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly vocab: number;
  /** Tokens of one sequence. */
  readonly context: number;
  /** Sequences of one step. */
  readonly batch: number;
}

/** Sizes that have a name. */
const SIZES: Readonly<Record<string, StepSize>> = {
  S: { layers: 2, width: 64, heads: 4, vocab: 64, context: 64, batch: 16 },
  M: { layers: 4, width: 128, heads: 4, vocab: 256, context: 128, batch: 8 },
};

export const sizeNames = Object.keys(SIZES);

/** A size and how it is called in results. */
export interface NamedSize {
  readonly name: string;
  readonly size: StepSize;
}

/**
 * The size of this name with some fields replaced; a `+` behind the name then says that it is another one.
 *
 * @throws UsageError when there is no such size, or its width cannot be shared by its heads
 */
export function chooseSize(
  name: string,
  overrides: { readonly [Field in keyof StepSize]?: number | undefined },
): NamedSize {
  const base = SIZES[name];
  if (base === undefined) {
    throw new UsageError(`--size ${name}: expected one of ${sizeNames.join(', ')}.`);
  }
  const given = Object.entries(overrides).filter(([field, value]) => field in base && value !== undefined);
  const size: StepSize = { ...base, ...Object.fromEntries(given) };
  if (size.width % size.heads !== 0) {
    throw new UsageError(
      `--width ${size.width} --heads ${size.heads}: expected a width that is a multiple of the heads.`,
    );
  }
  checkModelFits(parameterCount(gptConfig(size)), { software: true });
  const changed = Object.entries(size).some(([field, value]) => base[field as keyof StepSize] !== value);
  return { name: changed ? `${name}+` : name, size };
}

/** How the model is computed, whatever its size. */
export type ModelOptions = Partial<Pick<TransformerConfig, 'precision' | 'activationCheckpointing'>>;

/** Pre-norm GPT with LayerNorm, biases, tanh GELU, learned positions and an output of its own. */
export function gptConfig(
  { layers, width, heads, vocab, context }: StepSize,
  options: ModelOptions = {},
): TransformerConfig {
  return transformerConfig({
    ...options,
    layers,
    width,
    heads,
    vocabularySize: vocab,
    maxPositions: context,
    positions: 'learned',
    norm: 'layer',
    mlp: 'geluTanh',
    bias: true,
    tiedEmbeddings: false,
  });
}
