import { readFile } from 'node:fs/promises';
import { CheckpointError } from '../checkpoint/errors.js';
import { reading } from './file-error.js';

/** The value in a JSON file. @throws CheckpointError in one line, where it cannot be read or is no JSON */
export async function readJsonFile(path: string): Promise<unknown> {
  const text = await reading(path, () => readFile(path, 'utf8'));
  if (text.trim() === '') throw new CheckpointError(`${path} is empty; expected JSON.`);
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = (error as Error).message.replace(/\s+/g, ' ');
    throw new CheckpointError(`${path} is not valid JSON: ${reason}.`, { cause: error });
  }
}
