// The names of the files of a checkpoint, as Hugging Face has them.

export const CONFIG_FILE = 'config.json';
export const WEIGHTS_FILE = 'model.safetensors';
export const INDEX_FILE = 'model.safetensors.index.json';

/** What belongs to a model besides its weights: tokenizers, how to generate, how images are made ready. */
export const COMPANION_FILES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'tokenizer.model',
  'chat_template.jinja',
  'chat_template.json',
  'generation_config.json',
  'preprocessor_config.json',
] as const;

/** The file of shard `index` of `count`. */
export function shardFile(index: number, count: number): string {
  const five = (number: number): string => String(number).padStart(5, '0');
  return count === 1 ? WEIGHTS_FILE : `model-${five(index + 1)}-of-${five(count)}.safetensors`;
}
