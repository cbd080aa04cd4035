import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkTokenizerFits, type TextTokenizer } from '@foretoken/data';
import { loadTokenizer } from '@foretoken/data/node';
import type { Transformer } from '@foretoken/models';
import { loadPretrained, pretrainedFolder } from '@foretoken/models/node';
import type { Device } from '@foretoken/tensor';
import { UsageError } from '../errors.js';

/** A checkpoint that is being evaluated. */
export interface OpenModel {
  /** As the user named it. */
  readonly name: string;
  readonly folder: string;
  readonly model: Transformer;
  readonly tokenizer: TextTokenizer;
  /** Tokens that end a text by the files of the model, besides that of the tokenizer. */
  readonly stopTokens: readonly number[];
}

/** Where the folder of a training run keeps its checkpoint. */
const WITHIN_RUN = ['best', 'model'];

/** The folder of the checkpoint that a name stands for: itself, the one inside a run, or that of the hub's model. */
export async function checkpointFolder(name: string): Promise<string> {
  const inside = WITHIN_RUN.map((part) => join(name, part)).find((path) =>
    existsSync(join(path, 'config.json')),
  );
  const hasWeights =
    existsSync(join(name, 'model.safetensors')) || existsSync(join(name, 'model.safetensors.index.json'));
  return inside !== undefined && !hasWeights ? inside : pretrainedFolder(name);
}

/**
 * Loads a checkpoint with its tokenizer.
 *
 * @param tokenizerName - another folder or name of the hub for the tokenizer
 * @throws CheckpointError, TokenizerError, DataFileError or UsageError, in one line
 */
export async function openModel(device: Device, name: string, tokenizerName?: string): Promise<OpenModel> {
  const folder = await checkpointFolder(name);
  const tokenizer = loadTokenizer(
    tokenizerName === undefined ? folder : await pretrainedFolder(tokenizerName),
  );
  const { model } = await loadPretrained(device, folder);
  try {
    checkTokenizerFits(tokenizer, model.config.vocabularySize, name);
    return { name, folder, model, tokenizer, stopTokens: stopTokensOf(folder) };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** `eos_token_id` of the model's files: one id, a list of them, or nothing. */
function stopTokensOf(folder: string): number[] {
  const path = ['generation_config.json', 'config.json']
    .map((file) => join(folder, file))
    .find((file) => existsSync(file));
  if (path === undefined) return [];
  try {
    const { eos_token_id: ids } = JSON.parse(readFileSync(path, 'utf8')) as { eos_token_id?: unknown };
    return [ids].flat().filter((id): id is number => Number.isInteger(id));
  } catch (cause) {
    throw new UsageError(`${path}: not JSON: ${(cause as Error).message}.`, { cause });
  }
}
