import { type TransformerConfig, type TransformerConfigInput, transformerConfig } from '../config.js';
import { Transformer } from '../transformer.js';
import { TEXT_FAMILIES } from './families/index.js';
import type { Family, TextFamily } from './family.js';
import type { ModelKind } from './model-kind.js';
import { nameMap } from './name-map.js';

type TransformerFamily = Family<TransformerConfig, TransformerConfigInput>;

const familyOfText = (text: TextFamily): TransformerFamily => ({
  ...text,
  heads: [`${text.names.output}.`],
  // Some writers store a tied output a second time; the embeddings count.
  ignores: (name, { tiedEmbeddings }) =>
    text.ignored.test(name) || (tiedEmbeddings && name === `${text.names.output}.weight`),
  nameMap: (config) => nameMap(config, text.names),
});

/** What training sets of a transformer, and a config.json does not say. */
export function essenceOf(config: TransformerConfig): Record<string, unknown> {
  const { dropout, activationCheckpointing, precision, initialization, ...essential } = config;
  return essential;
}

/** Transformers with an output. */
export const transformers: ModelKind<TransformerConfig, TransformerConfigInput, Transformer> = {
  families: TEXT_FAMILIES.map(familyOfText),
  parse: transformerConfig,
  create: (device, config) => new Transformer(device, config),
  configOf: (model) => model.config,
  essence: essenceOf,
  widened: (config, described) =>
    config.positions === 'rotary' && config.maxPositions < described.maxPositions
      ? { ...config, maxPositions: described.maxPositions }
      : config,
};
