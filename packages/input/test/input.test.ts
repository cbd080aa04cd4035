import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  didYouMean,
  InputError,
  nearestName,
  oneLine,
  parseJson,
  parseNumber,
  parseWholeNumber,
  quote,
  withTimeLimit,
} from '@foretoken/input';
import { readBytesFile, readJsonFile, readTextFile } from '@foretoken/input/node';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** The message of an InputError, which is one printable line. */
function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    const { message } = error as Error;
    expect(message).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(message.length).toBeLessThan(500);
    return message;
  }
  throw new Error('nothing was refused');
}

describe('parseWholeNumber', () => {
  const range = { what: '--steps', min: 1, max: 1_000_000 };

  it.each([
    ['1', 1],
    ['500', 500],
    ['1e3', 1000],
    ['2.0', 2],
    ['+7', 7],
  ])('reads %s', (text, value) => {
    expect(parseWholeNumber(text, range)).toBe(value);
  });

  it.each([
    '',
    ' 5',
    '5 ',
    '5px',
    '0x10',
    '1_000',
    'NaN',
    'Infinity',
    '1.5',
    '0',
    '-1',
    '1e99',
    '1e400',
    '.',
    'e5',
    '१',
  ])('refuses %j', (text) => {
    expect(refusal(() => parseWholeNumber(text, range))).toBe(
      `--steps: expected a whole number from 1 to 1,000,000, got ${JSON.stringify(text)}.`,
    );
  });

  it('refuses digits that a double would lose', () => {
    refusal(() => parseWholeNumber('9007199254740993', { what: '--seed' }));
  });
});

describe('parseNumber', () => {
  it.each([
    ['.0001', 0.0001],
    ['-2.5e-3', -0.0025],
    ['3.', 3],
  ])('reads %s', (text, value) => {
    expect(parseNumber(text, { what: '--rate' })).toBe(value);
  });

  it('states the side that is bounded', () => {
    expect(refusal(() => parseNumber('-1', { what: '--temperature', min: 0 }))).toBe(
      '--temperature: expected a number of at least 0, got "-1".',
    );
  });
});

describe('parseJson', () => {
  const parse = (text: string): unknown => parseJson(text, { what: 'config.json' });

  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => {
        fc.pre(!text.includes('__proto__'));
        expect(parse(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('counts no brackets of strings', () => {
    expect(parse(`["${'['.repeat(500)}\\"${'{'.repeat(500)}"]`)).toHaveLength(1);
  });

  it.each([
    ['', /config\.json: is empty/],
    ['\uFEFF \n', /is empty/],
    ['{"a": 1', /is not valid JSON/],
    ['{"a": "\u001b[31m"}', /is not valid JSON/],
    ['['.repeat(100_000) + ']'.repeat(100_000), /nested deeper than 100 levels/],
    ['['.repeat(100_000), /nested deeper/],
    ['{"a":[{"__proto__":{"b":1}}]}', /__proto__/],
    ['{"\\u005f_proto\\u005F_":1}', /__proto__/],
  ])('refuses %#', (text, expected) => {
    expect(refusal(() => parse(text))).toMatch(expected);
  });

  it('leaves the field out of strings', () => {
    expect(parse('{"a":"__proto__"}')).toEqual({ a: '__proto__' });
  });

  it('drops a byte order mark', () => {
    expect(parse('\uFEFF{"a":1}')).toEqual({ a: 1 });
  });

  it('throws the class that the caller wants', () => {
    expect(() => parseJson('x', { what: 'x', error: RangeError })).toThrow(RangeError);
  });
});

describe('quote', () => {
  it('keeps a message on one line', () => {
    expect(quote('two\nlines\u001b[31m\u2028\u202e')).toBe('"two\\nlines\\u001b[31m\\u{2028}\\u{202e}"');
  });

  it('cuts, and never through a pair of surrogates', () => {
    expect(quote('a'.repeat(40_000_000))).toBe(`"${'a'.repeat(60)}"... (40,000,000 characters)`);
    expect(quote(`${'a'.repeat(59)}😀😀`)).toContain(`"${'a'.repeat(59)}"`);
  });
});

describe('oneLine', () => {
  it('says what the limits of the engine mean for what was handed in', () => {
    const nested = (): number => nested() + 1;
    for (const [work, meant] of [
      [nested, /nested too deeply/],
      [() => 'x'.repeat(2 ** 30), /a text that is too long/],
      [() => new Array(2 ** 33), /a list that is too long/],
      [() => new Float32Array(2 ** 53), /a list that is too long/],
    ] as const) {
      let said = '';
      try {
        work();
      } catch (error) {
        said = oneLine((error as Error).message);
      }
      expect(said).toMatch(meant);
    }
  });
});

describe('nearestName', () => {
  it('finds what was meant, and nothing far off', () => {
    expect(nearestName('star-grap', ['tinystories', 'star-graph'])).toBe('star-graph');
    expect(nearestName('setps', ['set', 'steps'])).toBe('steps');
    expect(didYouMean('x'.repeat(1e6), ['star-graph'])).toBe('');
  });
});

describe('withTimeLimit', () => {
  it('stops a pattern that backtracks for ever', () => {
    const endless = (): boolean => /^(a+)+$/.test(`${'a'.repeat(50)}b`);
    expect(refusal(() => withTimeLimit(endless, { what: 'pattern', milliseconds: 50 }))).toBe(
      'pattern: not finished after 0.05 s; it was stopped.',
    );
  });

  it('passes results and errors on', () => {
    expect(withTimeLimit(() => 7, { what: 'x', milliseconds: 1000 })).toBe(7);
    const fail = (): never => {
      throw new RangeError('own');
    };
    expect(() => withTimeLimit(fail, { what: 'x', milliseconds: 1000 })).toThrow(new RangeError('own'));
  });
});

describe('files', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'input-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it.skipIf(process.platform === 'win32')('are regular ones', () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(refusal(() => readBytesFile(pipe))).toMatch(/it is a pipe, not a file/);
    expect(refusal(() => readBytesFile('/dev/zero'))).toMatch(/it is a device, not a file/);
    expect(refusal(() => readBytesFile(folder))).toMatch(/it is a folder/);
    expect(refusal(() => readBytesFile(join(folder, 'none\n')))).toMatch(/there is no such file/);
  });

  it('have limits that state themselves', () => {
    const path = join(folder, 'large');
    writeFileSync(path, 'x'.repeat(2000));
    expect(refusal(() => readTextFile(path, { maxBytes: 1000 }))).toMatch(
      /has 2,000 bytes; the limit is 1,000/,
    );
    expect(readBytesFile(path)).toHaveLength(2000);
  });

  it('are UTF-8, with or without a byte order mark', () => {
    const path = join(folder, 'text');
    writeFileSync(path, '\uFEFF{"ä": 1}');
    expect(readTextFile(path)).toBe('{"ä": 1}');
    expect(readJsonFile(path)).toEqual({ ä: 1 });
    writeFileSync(path, Buffer.from([0x61, 0xff]));
    expect(refusal(() => readTextFile(path))).toMatch(/is not UTF-8 text/);
  });
});
