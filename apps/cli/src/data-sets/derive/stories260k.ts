import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomic } from '@foretoken/train';
import { convertConfig, convertTokenizer, convertWeights } from './llama2c.js';

const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;

/** Python writes whole numbers of type float with a fraction, and small ones with two digits of exponent. */
const asPythonWrites = (text: string): string =>
  text
    .replace('"rms_norm_eps": 0.00001', '"rms_norm_eps": 1e-05')
    .replace('"rope_theta": 10000', '"rope_theta": 10000.0')
    .replace('"attention_dropout": 0,', '"attention_dropout": 0.0,');

const TOKENIZER_CONFIG = {
  tokenizer_class: 'LlamaTokenizer',
  model_max_length: 512,
  bos_token: '<s>',
  eos_token: '</s>',
  unk_token: '<unk>',
  add_bos_token: true,
  add_eos_token: false,
  clean_up_tokenization_spaces: false,
  legacy: true,
};

/** Writes the files of Hugging Face beside those of llama2.c that a folder holds. The weights come last. */
export function deriveStories260K(folder: string): void {
  const write = (name: string, contents: string | Uint8Array): void =>
    writeAtomic(join(folder, name), contents);
  const checkpoint = readFileSync(join(folder, 'stories260K.bin'));
  const tokenizer = readFileSync(join(folder, 'tok512.bin'));
  write('config.json', asPythonWrites(json(convertConfig(checkpoint))));
  // A new story begins where a text ends: training put the begin token between stories.
  write('generation_config.json', json({ bos_token_id: 1, eos_token_id: [1, 2] }));
  write('special_tokens_map.json', json({ bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' }));
  write('tokenizer.json', convertTokenizer(tokenizer, 512));
  write('tokenizer_config.json', json(TOKENIZER_CONFIG));
  write('model.safetensors', convertWeights(checkpoint));
}
