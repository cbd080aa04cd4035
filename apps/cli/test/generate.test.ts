import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addLora } from '@foretoken/models';
import { loadPretrained, saveLora, savePretrained } from '@foretoken/models/node';
import { HostRandom, openDevice } from '@foretoken/tensor';
import { afterAll, describe, expect, it } from 'vitest';
import { UsageError } from '../src/errors.js';
import { ChatTemplate } from '../src/generation/chat-template.js';
import { promptText, readPrompts } from '../src/generation/prompts.js';
import { StopText } from '../src/generation/stop-text.js';
import { built, type Ended, foretoken } from './program.js';

const scratch = mkdtempSync(join(tmpdir(), 'foretoken-generate-'));
afterAll(() => rmSync(scratch, { recursive: true }));
const data = process.env['FORETOKEN_DATA'];
const stories = join(data ?? '', 'stories260K');

const generate = (args: readonly string[], input = ''): Promise<Ended> =>
  foretoken(['generate', ...args], input);

const lines = (text: string): string[] =>
  text
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('Warning: maxDynamic'));

describe('stop texts', () => {
  it('end a text before the first of them, also when they come in pieces', () => {
    const stop = new StopText(['###', '\nUser']);
    expect(['a#', '#b', '\nUs', 'er!'].map((piece) => stop.push(piece))).toEqual(['a', '##b', '', '']);
    expect(stop.ended).toBe(true);
    expect(stop.push('more')).toBe('');
  });

  it('give back what was held in vain', () => {
    const stop = new StopText(['###']);
    expect(stop.push('a##') + stop.end()).toBe('a##');
  });
});

describe('files of prompts', () => {
  it('hold one a line, or a field', () => {
    const [text, json] = [join(scratch, 'prompts.txt'), join(scratch, 'prompts.jsonl')];
    writeFileSync(text, 'one\n\ntwo\n');
    writeFileSync(json, '{"question":"one"}\n{"question":"two"}\n');
    expect(readPrompts(text, 'prompt')).toEqual(['one', 'two']);
    expect(readPrompts(json, 'question')).toEqual(['one', 'two']);
    expect(() => readPrompts(json, 'prompt')).toThrow('no text in field "prompt"; fields are: "question"');
  });

  it('begin behind a byte order mark', async () => {
    const [text, json] = [join(scratch, 'bom.txt'), join(scratch, 'bom.jsonl')];
    writeFileSync(text, '\uFEFFone\r\ntwo\r\n');
    writeFileSync(json, '\uFEFF{"prompt":"one"}\r\n{"prompt":"two"}');
    expect(readPrompts(text, 'prompt')).toEqual(['one', 'two']);
    expect(readPrompts(json, 'prompt')).toEqual(['one', 'two']);
    const piped = (async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from('\uFEFFone\n');
    })();
    expect(await promptText('-', piped)).toBe('one');
  });

  it.each<[string, string | Uint8Array | undefined, RegExp]>([
    ['p.txt', undefined, /^--prompts: cannot read .*there is no such file/],
    ['p.txt', Uint8Array.of(0xff, 0x80), /^--prompts: .* is not UTF-8 text/],
    ['p.txt', '\n \n', /there is no prompt in the file/],
    ['p.jsonl', 'null', /p\.jsonl:1: expected a JSON object, got null/],
    ['p.jsonl', '["a"]', /p\.jsonl:1: expected a JSON object, got a list of 1/],
    ['p.jsonl', '{"prompt":"a"}\n{"prompt":', /p\.jsonl:2: is not valid JSON/],
    ['p.jsonl', `{"prompt":${'['.repeat(1e5)}`, /p\.jsonl:1: JSON is nested deeper than 100 levels/],
    ['p.jsonl', '{"prompt":5}', /no text in field "prompt"/],
    ['p.jsonl', '{"__proto__":"a"}', /has a field "__proto__"/],
  ])('%s is refused in one line: case %#', (name, contents, message) => {
    const path = join(mkdtempSync(join(scratch, 'prompts-')), name);
    if (contents !== undefined) writeFileSync(path, contents);
    expect(() => readPrompts(path, 'prompt')).toThrow(message);
    expect(() => readPrompts(path, 'toString')).toThrow(UsageError);
  });

  it('are files, and nothing that never ends', async () => {
    expect(() => readPrompts('/dev/zero', 'prompt')).toThrow(/it is a device, not a file/);
    const endless = (async function* (): AsyncGenerator<Buffer> {
      for (;;) yield Buffer.alloc(2 ** 24);
    })();
    await expect(promptText('-', endless)).rejects.toThrow('more than 67108864 bytes');
  });
});

describe('chat templates', () => {
  const folderWith = (config: object): string => {
    const folder = mkdtempSync(join(scratch, 'model-'));
    writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
    return folder;
  };
  const template =
    '{{ bos_token }}{% for message in messages %}<{{ message.role }}>{{ message.content }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}';

  it('write a conversation', () => {
    const chat = new ChatTemplate(folderWith({ bos_token: { content: '<s>' }, chat_template: template }));
    expect(chat.render([{ role: 'user', content: 'Hello' }])).toBe('<s><user>Hello<assistant>');
  });

  it('are refused in one line', () => {
    expect(() => new ChatTemplate(folderWith({}))).toThrow('has no chat template');
    const broken = new ChatTemplate(folderWith({ chat_template: '{% if %}' }));
    expect(() => broken.render([])).toThrow('fails:');
    const strict = new ChatTemplate(folderWith({ chat_template: "{{ raise_exception('no system') }}" }));
    expect(() => strict.render([])).toThrow('fails: no system');
  });

  it.each([
    ['a range without end', '{% for i in range(1000000000) %}x{% endfor %}'],
    [
      'a list that doubles',
      '{% set n = namespace(a=[1]) %}{% for i in range(60) %}{% set n.a = n.a + n.a %}{% endfor %}',
    ],
    [
      'a text that doubles',
      '{% set n = namespace(a="x") %}{% for i in range(60) %}{% set n.a = n.a ~ n.a %}{% endfor %}{{ n.a }}',
    ],
    [
      'a text of 2 ** 25',
      '{% set n = namespace(a="x") %}{% for i in range(25) %}{% set n.a = n.a ~ n.a %}{% endfor %}{{ n.a }}',
    ],
    ['loops in loops', `${'{% for i in range(1000) %}'.repeat(6)}{{ i }}${'{% endfor %}'.repeat(6)}`],
    ['a macro that calls itself', '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}'],
    ['a value that holds itself', '{% set n = namespace() %}{% set n.a = n %}{{ n | tojson }}'],
    ['brackets without end', `{{ ${'('.repeat(1e5)} }}`],
    ['too much text', 'x'.repeat(2 ** 20 + 1)],
  ])('of %s are refused in one line, soon', (_, text) => {
    const start = performance.now();
    const chat = (): string => new ChatTemplate(folderWith({ chat_template: text })).render([]);
    expect(chat).toThrow(/^--chat: the chat template of .* fails: (?!Maximum call stack)[^\n]{5,400}$/);
    expect(performance.now() - start).toBeLessThan(10_000);
    // And the next one works.
    const good = new ChatTemplate(folderWith({ chat_template: template }));
    expect(good.render([])).toBe('<assistant>');
  });

  it('are files of the model, and fields of its configs', () => {
    for (const config of ['null', '[]', '"x"', '{', `{"a":${'['.repeat(1e5)}`]) {
      const folder = folderWith({});
      writeFileSync(join(folder, 'tokenizer_config.json'), config);
      expect(() => new ChatTemplate(folder), config).toThrow(UsageError);
    }
    for (const field of [null, 5, [], [null], [{ template: 5 }], {}])
      expect(() => new ChatTemplate(folderWith({ chat_template: field }))).toThrow('has no chat template');
    const folder = folderWith({});
    symlinkSync('/dev/zero', join(folder, 'chat_template.jinja'));
    expect(() => new ChatTemplate(folder)).toThrow(/it is a device, not a file/);
  });
});

describe.skipIf(!built)('foretoken generate refuses in one line', () => {
  it.each([
    [['--prompt', 'a'], /--model/],
    [['--model', join(scratch, 'nowhere', 'at', 'all'), '--prompt', 'a'], /is no folder/],
    [['--model', scratch], /no prompt: give --prompt/],
    [['--model', scratch, '--prompt', 'a', '--max-tokns', '3'], /Did you mean --max/],
    [['--model', scratch, '--prompt', 'a', '--top-p', '2'], /a number from 0 to 1, got "2"/],
    [['--model', scratch, '--prompt', 'a', '--draft', 'heads'], /--draft heads needs --draft-from/],
    [['--model', scratch, '--prompt', 'a', '--draft', 'register'], /Did you mean registers\?/],
    [['--model', scratch, '--prompt', 'a'], /no tokenizer.json/],
    [['--model', scratch, '--chat'], /talks with a terminal/],
  ])('%j', async (args, message) => {
    const { status, stdout, stderr } = await generate(args);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(lines(stderr)).toHaveLength(1);
    expect(lines(stderr)[0]).toMatch(message);
  });

  it('a run folder', async () => {
    const run = join(scratch, 'run');
    mkdirSync(run);
    writeFileSync(join(run, 'config.json'), '{"recipe":{"name":"star-graph"}}');
    const { status, stderr } = await generate(['--model', run, '--prompt', 'a']);
    expect(status).toBe(1);
    expect(lines(stderr)).toEqual([
      expect.stringMatching(/run folder of the recipe star-graph, which holds no model/),
    ]);
  });
});

describe.skipIf(!built || data === undefined)('foretoken generate', () => {
  const json = async (args: readonly string[], input?: string): Promise<Record<string, unknown>> => {
    const { status, stdout } = await generate(['--model', stories, ...args, '--json'], input);
    expect(status).toBe(0);
    return JSON.parse(stdout) as Record<string, unknown>;
  };

  it('tells the known story letter for letter', async () => {
    const { status, stdout } = await generate(['--model', stories, '--prompt', '', '--max-tokens', '256']);
    expect(status).toBe(0);
    expect(stdout.trimEnd()).toBe(readFileSync(join(stories, 'greedy_sample.txt'), 'utf8').trimEnd());
  });

  it('prints one JSON document', async () => {
    const result = await json(['--prompt', '-', '--max-tokens', '6', '--temperature', '0'], 'Once upon\n');
    expect(result).toMatchObject({ text: ' a time, there was a', acceptanceRate: null });
    expect(result['ids']).toHaveLength(6);
    expect(result['tokensPerSecond']).toBeGreaterThan(0);
  });

  it('stops at a text, and repeats itself by its seed', async () => {
    expect(await json(['--prompt', 'Once upon a time', '--stop', 'little'])).toMatchObject({
      text: ', there was a ',
    });
    const sampled = ['--prompt', 'Once', '--max-tokens', '12', '--temperature', '1.2', '--seed'];
    const [first, again, other] = [
      await json([...sampled, '1']),
      await json([...sampled, '1']),
      await json([...sampled, '2']),
    ];
    expect(again['text']).toBe(first['text']);
    expect(other['text']).not.toBe(first['text']);
  });

  it('continues a file of prompts, each as alone: with draws and room of its own', async () => {
    const file = join(scratch, 'batch.txt');
    const long = 'She loved to play outside in the park with her friends. '.repeat(24);
    writeFileSync(file, `\uFEFFOnce upon a time\nOnce upon a time\n${long}\nOnce upon a time\n`);
    const written = async (batch: number): Promise<string[]> => {
      const options = ['--max-tokens', '60', '--temperature', '1', '--seed', '7', '--json'];
      const { stdout } = await generate([
        ...['--model', stories, '--prompts', file, '--batch', String(batch)],
        ...options,
      ]);
      return lines(stdout).map((line) => String((JSON.parse(line) as { ids: number[] }).ids));
    };
    const alone = await written(1);
    expect(alone).toHaveLength(4);
    expect(new Set(alone).size).toBe(4);
    expect(alone.map((ids) => ids.split(',').length >= 60)).toEqual([true, true, false, true]);
    expect(await written(3)).toEqual(alone);
  });

  it('writes with adapters on a base, named or as the adapters name it', async () => {
    const adapter = join(scratch, 'adapter');
    const device = await openDevice();
    const { model } = await loadPretrained(device, stories);
    const lora = addLora(model, { rank: 2, alpha: 2, targets: ['q_proj', 'down_proj'] }, new HostRandom(1));
    for (const [name, variable] of lora.parameters())
      if (name.includes('lora_B'))
        variable.load(Float32Array.from({ length: variable.size }, (_, at) => (at % 5) - 2));
    await saveLora(lora, adapter, { baseModel: stories });
    lora.mergeAndUnload();
    const { origin } = await loadPretrained(device, stories);
    await savePretrained(model, join(scratch, 'merged'), { origin });
    device.close();
    const told = async (...args: string[]): Promise<string> => {
      const run = await generate([...args, '--prompt', 'Once', '--max-tokens', '12']);
      expect([run.status, run.stderr.includes('tokens/s')]).toEqual([0, true]);
      return run.stdout;
    };
    const merged = await told('--model', join(scratch, 'merged'));
    expect(merged).not.toBe(await told('--model', stories));
    expect(await told('--model', stories, '--adapter', adapter)).toBe(merged);
    expect(await told('--model', adapter)).toBe(merged);
    const wrong = await generate(['--model', stories, '--adapter', scratch, '--prompt', 'Once']);
    expect([wrong.status, lines(wrong.stderr)]).toEqual([
      1,
      [expect.stringMatching(/has no adapter_config.json; expected a folder of adapters/)],
    ]);
  });

  it('says when a prompt is too long, or the tokenizer is missing', async () => {
    const long = await generate(['--model', stories, '--prompt', '-'], 'a story '.repeat(400));
    expect(long.status).toBe(1);
    expect(lines(long.stderr)).toEqual([expect.stringMatching(/the model reads at most 512/)]);
    const bare = join(scratch, 'bare');
    mkdirSync(bare);
    for (const file of ['config.json', 'model.safetensors']) cpSync(join(stories, file), join(bare, file));
    const { status, stderr } = await generate(['--model', bare, '--prompt', 'a']);
    expect(status).toBe(1);
    expect(lines(stderr)).toEqual([expect.stringMatching(/no tokenizer.json/)]);
  });
});
