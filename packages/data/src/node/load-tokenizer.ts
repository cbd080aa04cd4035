import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { printable, shorten } from '@foretoken/input';
import { TokenizerError } from '../errors.js';
import { TextTokenizer } from '../text/tokenizer.js';
import { howToGetData } from './data-folder.js';
import { isFolder, readJson, someNames } from './files.js';

/**
 * The tokenizer in the folder of a model: `tokenizer.json`, with `tokenizer_config.json` and `special_tokens_map.json`
 * where they are.
 *
 * @throws TokenizerError when the folder has no tokenizer.json, DataFileError when a file is broken
 */
export function loadTokenizer(folder: string): TextTokenizer {
  if (!isFolder(folder)) {
    throw new TokenizerError(
      `${printable(shorten(folder, 200))}: there is no such folder.${howToGetData(folder)} Give the folder of a model, with its tokenizer.json.`,
    );
  }
  const optional = (name: string): unknown =>
    existsSync(join(folder, name)) ? readJson(join(folder, name)) : undefined;
  if (!existsSync(join(folder, 'tokenizer.json'))) throw noTokenizer(folder);
  return new TextTokenizer(
    {
      tokenizer: readJson(join(folder, 'tokenizer.json')),
      config: optional('tokenizer_config.json'),
      specialTokens: optional('special_tokens_map.json'),
    },
    folder,
  );
}

function noTokenizer(folder: string): TokenizerError {
  const names = readdirSync(folder);
  const older = names.find((name) => name === 'tokenizer.model' || name === 'vocab.json');
  const hint =
    older === undefined
      ? `It holds ${someNames(names)}.`
      : `Its ${older} is an older form: write a tokenizer.json with transformers, ` +
        "AutoTokenizer.from_pretrained('.').save_pretrained('.').";
  return new TokenizerError(`${printable(folder)}: there is no tokenizer.json in the folder. ${hint}`);
}
