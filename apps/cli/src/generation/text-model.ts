import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkTokenizerFits, type TextTokenizer } from '@foretoken/data';
import { loadTokenizer } from '@foretoken/data/node';
import type { Transformer } from '@foretoken/models';
import { loadPretrained, pretrainedFolder } from '@foretoken/models/node';
import type { Device } from '@foretoken/tensor';
import { UsageError } from '../errors.js';

/** A language model with what turns its tokens into text. */
export interface TextModel {
  readonly model: Transformer;
  readonly tokenizer: TextTokenizer;
  readonly folder: string;
  /** Tokens that end a text. */
  readonly stopTokens: readonly number[];
}

/** The fields of a JSON file of a model's folder; none where there is no such file. */
export function readFields(folder: string, file: string): Readonly<Record<string, unknown>> {
  const path = join(folder, file);
  if (!existsSync(path)) return {};
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new UsageError(`${path} is not a JSON object.`);
}

/** `eos_token_id` of the generation config, which may name several, or else the tokenizer's. */
function stopTokensOf(folder: string, { endToken }: TextTokenizer): number[] {
  const named = readFields(folder, 'generation_config.json')['eos_token_id'];
  const ids = (Array.isArray(named) ? named : [named]).filter((id): id is number => Number.isInteger(id));
  if (ids.length > 0) return ids;
  return endToken === undefined ? [] : [endToken];
}

/**
 * Loads model and tokenizer from a folder, or by a name of the hub.
 *
 * @throws UsageError for a run folder, CheckpointError and TokenizerError for what is missing or does not fit
 */
export async function loadTextModel(device: Device, name: string): Promise<TextModel> {
  const recipe = readFields(name, 'config.json')['recipe'] as { readonly name?: string } | undefined;
  if (recipe !== undefined && !existsSync(join(name, 'tokenizer.json'))) {
    throw new UsageError(
      `--model ${name}: a run folder of the recipe ${recipe.name ?? '?'}, which has no tokenizer. Give the folder of a language model with config.json, model.safetensors and tokenizer.json.`,
    );
  }
  const folder = await pretrainedFolder(name);
  const tokenizer = loadTokenizer(folder);
  const { model } = await loadPretrained(device, folder);
  checkTokenizerFits(tokenizer, model.config.vocabularySize, folder);
  return { model, tokenizer, folder, stopTokens: stopTokensOf(folder, tokenizer) };
}
