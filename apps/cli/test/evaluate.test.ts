import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dataFiles, shotFiles } from '../src/evaluate/data.js';
import { built } from './program.js';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const fixtures = fileURLToPath(
  new URL('../../../packages/models/test/fixtures/checkpoints', import.meta.url),
);
const scratch = mkdtempSync(join(tmpdir(), 'foretoken-evaluate-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const CHARACTERS = '0123456789#\n abcde';

/** A tokenizer of one token a character, for checkpoints of 19 tokens. */
const tokenizer = {
  version: '1.0',
  added_tokens: [
    {
      id: 18,
      content: '</s>',
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    },
  ],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: { type: 'Fuse' },
  model: {
    type: 'BPE',
    dropout: null,
    // Everything else, so that templates can be written.
    unk_token: '#',
    fuse_unk: false,
    vocab: { ...Object.fromEntries([...CHARACTERS].map((character, id) => [character, id])), '</s>': 18 },
    merges: [],
  },
};

const path = (...parts: string[]): string => join(scratch, ...parts);
const write = (name: string, contents: string): string => {
  writeFileSync(path(name), contents);
  return path(name);
};
const jsonLines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

beforeAll(() => {
  for (const [name, from] of [
    ['one', 'llama3'],
    ['two', 'mistral'],
    ['other', 'llama3'],
  ] as const) {
    cpSync(join(fixtures, from), path(name), { recursive: true });
    writeFileSync(path(name, 'tokenizer.json'), JSON.stringify(tokenizer));
    writeFileSync(path(name, 'tokenizer_config.json'), JSON.stringify({ eos_token: '</s>' }));
  }
  const vocab = { ...tokenizer.model.vocab, x: 19, y: 20 };
  const larger = { ...tokenizer, model: { ...tokenizer.model, vocab } };
  writeFileSync(path('other', 'tokenizer.json'), JSON.stringify(larger));
  mkdirSync(path('run'));
  cpSync(path('two'), path('run', 'model'), { recursive: true });
  writeFileSync(path('run', 'config.json'), '{}');
  write('text.txt', 'abc abd 12 12 12\n<|endoftext|>\n0123\n<|endoftext|>\ne\n');
  write('empty.txt', '');
  write('blank.txt', '<|endoftext|>\n\n');
  write('lines.jsonl', jsonLines([{ story: 'abc' }, { story: '12 12 abc' }]));
  mkdirSync(path('questions'));
  write(
    'questions/test.jsonl',
    jsonLines([
      { question: '1', answer: 'a #### 1' },
      { question: '22', answer: 'b #### 2' },
      { question: '3'.repeat(30), answer: 'c #### 3' },
    ]),
  );
  write('questions/train.jsonl', jsonLines([{ question: '4', answer: 'd' }]));
  write('unanswered.jsonl', jsonLines([{ question: '1', anser: 'a' }]));
});

function evaluate(...args: string[]): Promise<{ status: number | null; stdout: string; stderr: string[] }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [main, 'evaluate', ...args]);
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.on('close', (status) => {
      const lines = stderr
        .trim()
        .split('\n')
        .filter((line) => !line.startsWith('Warning: maxDynamic'));
      resolve({ status, stdout, stderr: lines });
    });
  });
}

describe('data of a split', () => {
  it('is found in a folder by the names that people give it', () => {
    mkdirSync(path('named'));
    for (const name of ['dialogsum.dev.jsonl', 'test-00000-of-00001.parquet', 'latest.jsonl', 'README.md']) {
      write(join('named', name), 'x');
    }
    expect(dataFiles(path('named'), 'validation')).toEqual([path('named', 'dialogsum.dev.jsonl')]);
    expect(dataFiles(path('named'), 'test')).toEqual([path('named', 'test-00000-of-00001.parquet')]);
    expect(() => dataFiles(path('named'), 'train')).toThrow(/no file of the train split; it holds/);
    expect(shotFiles(undefined, path('named'), 'test')).toEqual([path('named', 'dialogsum.dev.jsonl')]);
    expect(() => shotFiles(undefined, path('text.txt'), 'test')).toThrow(/--shots-data/);
  });
});

describe.skipIf(!built)('foretoken evaluate', () => {
  it('prints loss, perplexity and tokens of one model as an object', async () => {
    const { status, stdout } = await evaluate(
      ...['--model', path('one'), '--task', 'perplexity', '--data', path('text.txt'), '--json'],
    );
    expect(status).toBe(0);
    const result = JSON.parse(stdout) as Record<string, number>;
    expect(result).toMatchObject({ task: 'perplexity', tokens: 18, bytes: 18, documents: 3, stride: null });
    expect(result['perplexity']).toBeCloseTo(Math.exp(result['loss'] as number), 9);
  });

  it('compares several in a list, and writes the same files again', async () => {
    const args = [
      ...[
        '--model',
        path('one'),
        '--model',
        path('run'),
        '--task',
        'perplexity',
        '--data',
        path('lines.jsonl'),
      ],
      ...['--column', 'story', '--window', '8', '--stride', '4', '--json', '--out'],
    ];
    const { status, stdout } = await evaluate(...args, path('out'));
    expect(status).toBe(0);
    const [first, second] = JSON.parse(stdout) as [object, { loss: number; difference: object }];
    expect(first).not.toHaveProperty('difference');
    expect(second.difference).toMatchObject({ to: path('one'), pairs: 2 });
    const read = (folder: string, file: string): string => readFileSync(path(folder, file), 'utf8');
    const record = JSON.parse(read('out', 'results.json')) as {
      models: object[];
      data: { sha256: string }[];
    };
    expect(record.models).toEqual([first, second]);
    expect(record.data[0]?.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(read('out', 'samples.jsonl').trim().split('\n')).toHaveLength(4);
    await evaluate(...args, path('again'));
    expect(read('again', 'samples.jsonl')).toBe(read('out', 'samples.jsonl'));
    expect(JSON.parse(read('again', 'results.json')).models).toEqual(record.models);
  });

  it('compares a model with itself under adapters', async () => {
    const adapter = fileURLToPath(
      new URL('../../../packages/models/test/fixtures/adapters/llama3', import.meta.url),
    );
    const data = ['--task', 'perplexity', '--data', path('text.txt'), '--json'];
    const loss = async (...args: string[]): Promise<number> => {
      const { status, stdout } = await evaluate(...args, ...data);
      expect(status).toBe(0);
      return (JSON.parse(stdout) as { loss: number }).loss;
    };
    const adapted = await loss('--model', path('one'), '--adapter', adapter);
    expect(adapted).not.toBe(await loss('--model', path('one')));
    // Adapters name their base, as a path or on the hub.
    cpSync(adapter, path('tuned'), { recursive: true });
    const config = path('tuned', 'adapter_config.json');
    const fields = JSON.parse(readFileSync(config, 'utf8')) as object;
    writeFileSync(config, JSON.stringify({ ...fields, base_model_name_or_path: path('one') }));
    const { stdout } = await evaluate('--model', path('one'), '--model', path('tuned'), ...data);
    expect(JSON.parse(stdout)).toMatchObject([{}, { loss: adapted, difference: { to: path('one') } }]);
    const two = await evaluate('--model', path('one'), '--model', path('two'), '--adapter', adapter, ...data);
    expect([two.status, two.stderr]).toEqual([1, [expect.stringMatching(/--adapter goes with one --model/)]]);
  });

  it('answers questions behind worked examples, and says which were not asked', async () => {
    const { status, stdout, stderr } = await evaluate(
      ...['--model', path('one'), '--task', 'gsm8k', '--data', path('questions'), '--max-tokens', '4'],
      ...['--json', '--out', path('answers')],
    );
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ questions: 2, notAsked: 1, maxTokens: 4 });
    expect(stderr.join('\n')).toContain(
      '1 of 3 questions not asked: the prompt leaves less than 4 tokens of a context of 32',
    );
    const samples = readFileSync(path('answers', 'samples.jsonl'), 'utf8').trim().split('\n');
    expect(samples.map((line) => Object.keys(JSON.parse(line) as object))).toEqual(
      samples.map(() => [
        ...['model', 'where', 'prompt', 'generated', 'tokens', 'ended', 'references', 'extracted', 'scores'],
      ]),
    );
  });

  const perplexity = (...args: string[]): string[] => ['--task', 'perplexity', '--model', 'MODEL', ...args];
  const gsm8k = (...args: string[]): string[] => ['--task', 'gsm8k', '--model', 'MODEL', ...args];

  it.each<[string[], RegExp]>([
    [['--task', 'perplexty', '--model', 'MODEL', '--data', 'text.txt'], /did you mean perplexity\?/],
    [perplexity('--data', 'txt.txt'), /there is no such file; did you mean 'text.txt'\?/],
    [perplexity('--data', 'empty.txt'), /empty.txt: the file is empty/],
    [perplexity('--data', 'blank.txt'), /there is no text, all documents are blank/],
    [perplexity('--data', 'lines.jsonl'), /lines.jsonl:1: no column 'text'; has story/],
    [perplexity('--data', 'text.txt', '--window', '64'), /window of 64 tokens; expected 1 to 32/],
    [perplexity('--data', 'text.txt', '--shots', '2'), /--shots: perplexity does not take it/],
    [
      ['--task', 'perplexity', '--model', 'other', '--data', 'text.txt'],
      /the tokenizer belongs to another model/,
    ],
    [
      ['--task', 'perplexity', '--model', './no/such/folder', '--data', 'text.txt'],
      /is no folder, and no name of the hub/,
    ],
    [gsm8k('--data', 'unanswered.jsonl', '--max-tokens', '4'), /no column 'answer'; did you mean 'anser'\?/],
    [gsm8k('--data', 'questions'), /answers of 256 tokens leave no room for a prompt in a context of 32/],
    [
      gsm8k('--data', 'questions', '--max-tokens', '30'),
      /none of 3 questions is asked. 3 prompts leave less than 30/,
    ],
    [gsm8k('--data', 'questions', '--max-tokens', '4', '--shots', '2'), /holds 1 examples. Ask for fewer/],
  ])('exits with 1 and one line for %j', async (args, message) => {
    const named = args.map((arg) =>
      arg === 'MODEL' ? path('one') : existsSync(path(arg)) || /\.(txt|jsonl)$/.test(arg) ? path(arg) : arg,
    );
    const { status, stdout, stderr } = await evaluate(...named);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toHaveLength(1);
    expect(stderr[0]).toMatch(message);
  });
});
