import { recipes, studies } from '@foretoken/train';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { asCalled, programName } from '../src/called.js';
import { details, explain } from '../src/errors.js';
import { layOutHelp } from '../src/help-text.js';
import { runProgram } from '../src/program.js';
import { listSettings, type SettingRow } from '../src/setting-rows.js';
import { wrapWords } from '../src/wrap.js';

afterEach(() => vi.restoreAllMocks());

/** What a command prints. */
async function printed(...args: string[]): Promise<string> {
  let text = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((piece) => {
    text += String(piece);
    return true;
  });
  expect(await runProgram(args)).toBe(0);
  return text;
}

describe('help', () => {
  it('names what flags take, in the line of usage and in the list', async () => {
    const help = await printed('help', 'train');
    expect(help).toMatch(/train [\s\S]*\[--out DIR\]/);
    expect(help).toMatch(/^ +\[--out DIR\] +Folder of the run/m);
    expect(help).toBe(await printed('train', '--help'));
    expect(await printed('help')).toContain('COMMANDS');
    expect(await printed('--version')).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('names the value of every flag that takes one', async () => {
    for (const command of ['compare', 'train', 'evaluate', 'generate', 'tune', 'report'])
      expect(await printed('help', command)).not.toMatch(/--[\w-]+ value/);
    expect(await printed('data', 'get', '--help')).not.toMatch(/--[\w-]+ value/);
  });

  it('takes the names from the lines of usage alone', async () => {
    expect(await printed('help', 'evaluate')).toMatch(/^ +--model MODEL\.\.\. /m);
    expect(await printed('help', 'generate')).toMatch(/^ +\[--temperature X\] /m);
  });

  it('fits the terminal, in every command, with nothing lost', async () => {
    const columns = process.stdout.columns;
    const commands = ['', 'compare', 'train', 'evaluate', 'generate', 'tune', 'bench step', 'data get'];
    try {
      for (const command of commands) {
        const words = command.split(' ').filter((word) => word !== '');
        process.stdout.columns = 100;
        const wide = await printed('help', ...words);
        process.stdout.columns = 80;
        const narrow = await printed('help', ...words);
        expect(narrow.replace(/\s+/g, '')).toBe(wide.replace(/\s+/g, ''));
        // One name of a command that has many parts is never torn.
        const lines = narrow.split('\n').filter((line) => !line.includes('bench step|'));
        expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
        // The text above the list says "several --model are compared".
        expect(narrow).not.toMatch(/^ +--model are/m);
      }
    } finally {
      process.stdout.columns = columns;
    }
  });

  it('leaves other texts alone', () => {
    expect(layOutHelp('1.2.3\n')).toBe('1.2.3\n');
  });

  it('says how this program is called where it is read', () => {
    expect(programName(['node', '/a/apps/cli/dist/main.js'], {})).toBe('npm run foretoken --');
    expect(programName(['node', '/usr/bin/foretoken'], {})).toBe('foretoken');
    expect(programName(['node', '/a/.bin/foretoken'], { npm_command: 'exec' })).toBe('npx foretoken');
    expect(asCalled('See "foretoken recipes".', 'npm run foretoken --')).toBe(
      'See "npm run foretoken -- recipes".',
    );
  });
});

describe('lists of settings', () => {
  it.each([...recipes.map(({ name }) => ['recipes', name]), ...studies.map(({ name }) => ['studies', name])])(
    '%s %s gives every setting a meaning',
    async (command, name) => {
      const told = JSON.parse(await printed(command as string, name as string, '--json')) as {
        settings: SettingRow[];
        measure?: SettingRow[];
      };
      const rows = [...told.settings, ...(told.measure ?? [])];
      expect(rows.length).toBeGreaterThan(40);
      // Files of a split speak for themselves.
      const unclear = rows.filter(({ setting, meaning }) => meaning === '' && !setting.includes('.files.'));
      expect(unclear.map(({ setting }) => setting)).toEqual([]);
      const listed = listSettings(rows, 80);
      const whole = listed.replace(/\s+/g, ' ');
      for (const { meaning } of rows) expect(whole).toContain(meaning.replace(/\s+/g, ' '));
      for (const line of listed.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
      const printedList = await printed(command as string, name as string);
      for (const { setting } of rows) expect(printedList).toContain(`${setting} = `);
    },
  );

  it('says so of an objective without settings', async () => {
    expect(await printed('objectives')).toMatch(/^classify\n.+\n\n {2}no settings\n/m);
  });

  it('breaks lines between words, and words that are longer than a line', () => {
    expect(wrapWords('a  list of\nwords, unbreakable', 6)).toEqual([
      'a list',
      'of',
      'words,',
      'unbrea',
      'kable',
    ]);
    expect(wrapWords(' ', 6)).toEqual([]);
  });

  it('tells what a model is like, also where the recipe does not say it', async () => {
    const { settings } = JSON.parse(await printed('recipes', 'mnist-tokens', '--json')) as {
      settings: SettingRow[];
    };
    const of = (name: string) => settings.find(({ setting }) => setting === name);
    expect(of('model.width')).toMatchObject({ value: 64, default: 768 });
    expect(of('model.headWidth')).toMatchObject({ value: 16, default: null });
    expect(of('model.positions')).toMatchObject({ value: 'rotary2d' });
    expect(of('steps')).toMatchObject({ value: 2000, min: 1, max: 10_000_000 });
  });
});

describe('completion', () => {
  it.each([
    [['tr'], ['train']],
    [
      ['train', '--objectiv'],
      ['--objective', '--objectiveRateScale'],
    ],
    [['train', '--mutor.maxO'], ['--mutor.maxOffset']],
    [['train', '--recipe', 'star-graph-l'], ['star-graph-long']],
    [['compare', '--objectives', 'ntp,mu'], ['ntp,mutor']],
    [['recipes', 'cifar'], ['cifar10-vit']],
    [
      ['data', 'get', 'mnist', 'tiny'],
      ['tinystories', 'tinyshakespeare'],
    ],
    [['evaluate', '--task', 'gs'], ['gsm8k']],
  ])('of %j', async (words, expected) => {
    expect((await printed('complete-words', ...words)).trim().split('\n')).toEqual(expected);
  });

  it('is a script for the shell', async () => {
    expect(await printed('completion', 'bash')).toMatch(/complete -o default -F _foretoken foretoken\n$/);
    expect(await printed('completion', 'zsh')).toMatch(/^autoload -U \+X bashcompinit/);
  });
});

describe('what went wrong', () => {
  const system = Object.assign(new Error('EACCES: permission denied, open'), {
    code: 'EACCES',
    syscall: 'open',
    path: '/a/b',
  });

  it.each([
    [
      new TypeError("Cannot read properties of undefined (reading 'x')"),
      /unexpected error.*FORETOKEN_DEBUG=1/,
    ],
    [new RangeError('Maximum call stack size exceeded'), /nested too deeply/],
    [new RangeError('Array buffer allocation failed'), /out of memory/],
    [system, /^\/a\/b: permission is denied\.$/],
    ['text', /unexpected error.*text/],
    [undefined, /unexpected error.*undefined/],
    [new Error('two\nlines'), /two lines/],
  ])('is one line for %s', (error, message) => {
    expect(explain(error)).toMatch(message);
    expect(explain(error)).not.toContain('\n');
    expect(details(error)).toBe('');
  });

  it('comes with its stack where it is asked for', () => {
    vi.stubEnv('FORETOKEN_DEBUG', '1');
    expect(details(new Error('x'))).toMatch(/at .*help\.test/);
    vi.unstubAllEnvs();
  });
});
