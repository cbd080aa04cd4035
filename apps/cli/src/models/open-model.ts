import { join } from 'node:path';
import { checkTokenizerFits, type TextTokenizer } from '@foretoken/data';
import { loadTokenizer } from '@foretoken/data/node';
import { printable } from '@foretoken/input';
import type { Transformer } from '@foretoken/models';
import { loadLora, loadPretrained } from '@foretoken/models/node';
import type { Device } from '@foretoken/tensor';
import { z } from 'zod';
import { UsageError } from '../errors.js';
import { readFields } from './json-fields.js';
import type { ModelSource } from './model-source.js';

/** A language model with what turns its tokens into text. */
export interface TextModel {
  /** As people call it. */
  readonly label: string;
  readonly folder: string;
  readonly model: Transformer;
  readonly tokenizer: TextTokenizer;
  /** Tokens that end a text. */
  readonly stopTokens: readonly number[];
}

const id = z.int().nonnegative();

/** One token, or several, or none. */
const endTokens = z.union([id, z.array(id).max(1000)]).nullish();

/** `eos_token_id` of the model's files, which may name several, or else the tokenizer's. */
function stopTokensOf(folder: string, { endToken }: TextTokenizer): number[] {
  const named = ['generation_config.json', 'config.json'].map((file) => {
    const found = endTokens.safeParse(readFields(folder, file)['eos_token_id']);
    if (found.success) return [found.data ?? []].flat();
    throw new UsageError(
      `${printable(join(folder, file))}: eos_token_id must be the id of a token, or a list of up to 1,000 of them.`,
    );
  });
  const ids = named.find(({ length }) => length > 0);
  if (ids !== undefined) return ids;
  return endToken === undefined ? [] : [endToken];
}

/**
 * Loads a model with its tokenizer. Adapters are merged into the weights: passes cost what they cost without.
 *
 * @throws CheckpointError, TokenizerError, DataFileError or UsageError, in one line
 */
export async function openModel(device: Device, source: ModelSource): Promise<TextModel> {
  const { label, folder, adapter, tokenizerFolder } = source;
  const tokenizer = loadTokenizer(tokenizerFolder);
  const stopTokens = stopTokensOf(folder, tokenizer);
  const { model } = await loadPretrained(device, folder);
  try {
    checkTokenizerFits(tokenizer, model.config.vocabularySize, label);
    if (adapter !== undefined) (await loadLora(model, adapter)).mergeAndUnload();
    return { label, folder, model, tokenizer, stopTokens };
  } catch (error) {
    model.dispose();
    throw error;
  }
}
