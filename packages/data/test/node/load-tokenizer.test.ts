import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { TokenizerError } from '../../src/index.js';
import { loadTokenizer } from '../../src/node/index.js';
import { dataPath } from '../support/data-folder.js';
import { llama2Files } from '../support/tokenizers.js';

const folder = mkdtempSync(join(tmpdir(), 'foretoken-tokenizer-'));
afterAll(() => rmSync(folder, { recursive: true }));

function model(name: string, files: Readonly<Record<string, unknown>>): string {
  const path = join(folder, name);
  mkdirSync(path);
  for (const [file, content] of Object.entries(files)) {
    writeFileSync(join(path, file), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return path;
}

describe('loadTokenizer', () => {
  const { tokenizer, config, specialTokens } = llama2Files();

  it('reads the files of a folder', () => {
    const path = model('whole', {
      'tokenizer.json': tokenizer,
      'tokenizer_config.json': config,
      'special_tokens_map.json': specialTokens,
    });
    expect(loadTokenizer(path)).toMatchObject({
      name: path,
      beginToken: 1,
      endToken: 2,
      addsBeginToken: true,
    });
  });

  it('does without the companions of tokenizer.json', () => {
    const bare = loadTokenizer(model('bare', { 'tokenizer.json': tokenizer }));
    expect(bare).toMatchObject({ beginToken: undefined, endToken: undefined, addsBeginToken: false });
    expect(bare.decode(bare.encode('the 72'))).toBe('the 72');
  });

  it.each([
    [
      'older',
      { 'tokenizer.model': 'x' },
      'there is no tokenizer.json in the folder. Its tokenizer.model is an older form:',
    ],
    [
      'weights',
      { 'model.safetensors': 'x' },
      'there is no tokenizer.json in the folder. It holds model.safetensors.',
    ],
    [
      'pointer',
      { 'tokenizer.json': 'version https://git-lfs.github.com/spec/v1' },
      'tokenizer.json: is not valid JSON: ',
    ],
    ['blank', { 'tokenizer.json': '' }, 'tokenizer.json: the file is empty.'],
    [
      'config',
      { 'tokenizer.json': { vocab_size: 5 } },
      'tokenizer.json has no model with a vocab (found: vocab_size)',
    ],
  ])('says what is wrong: %s', (name, files, message) => {
    expect(() => loadTokenizer(model(name, files))).toThrow(message);
  });

  it('says that there is no folder', () => {
    expect(() => loadTokenizer(join(folder, 'missing'))).toThrow(TokenizerError);
    expect(() => loadTokenizer(join(folder, 'missing'))).toThrow('there is no such folder.');
  });
});

const stories = dataPath('stories260K');

describe.skipIf(stories === undefined)('the tokenizer of stories260K', () => {
  const load = () => loadTokenizer(stories as string);

  it('has the tokens of its model', () => {
    expect(load()).toMatchObject({
      vocabularySize: 512,
      beginToken: 1,
      endToken: 2,
      unknownToken: 0,
      addsBeginToken: true,
      modelMaxLength: 512,
    });
  });

  it('writes and reads stories, whole and as a stream', () => {
    const tokenizer = load();
    const text = readFileSync(join(stories as string, 'greedy_sample.txt'), 'utf8').trim();
    const ids = tokenizer.encode(text, { begin: true });
    expect(tokenizer.decode(ids)).toBe(text);
    const stream = tokenizer.stream();
    expect(ids.map((id) => stream.push(id)).join('') + stream.end()).toBe(text);
  });

  it('agrees with llama2.c on its own example', () => {
    const tokenizer = load();
    // "Once upon a time": pieces as its vocabulary has them, behind the prefixed space.
    const ids = tokenizer.encode('Once upon a time', { begin: true });
    expect(ids[0]).toBe(1);
    expect(
      ids
        .slice(1)
        .map((id) => tokenizer.tokenText(id))
        .join(''),
    ).toBe('\u2581Once\u2581upon\u2581a\u2581time');
  });
});
