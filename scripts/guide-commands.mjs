// The commands that README and guides show, in the order of reading, and how each is run in seconds.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run.mjs';

/** Set-up and checks, which have a run of their own, what needs the network, and the report of a study that takes hours. */
const SKIPPED = /^(npm test|npx |cd |npm ci|node compare)|# .*\bnetwork\b|report runs\/stories /;

/** @returns the guides in the order of reading: README first */
export const guides = () => [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => join('docs', name)),
];

const blocksOf = (text) =>
  [...text.matchAll(/^```(\w*)\n(.*?)^```/gms)].map(([, language, body]) => ({ language, body }));

/** Files that a guide tells the reader to write: blocks whose first line is a comment with the name. */
export const filesOf = (text) =>
  blocksOf(text).flatMap(({ language, body }) => {
    const name = /^# ([\w.-]+\.(?:ya?ml|json))\b/.exec(body)?.[1];
    return language === 'yaml' && name !== undefined ? [{ name, body }] : [];
  });

/** The command lines of a guide, as they stand, with what comments say. */
export const commandsOf = (text) =>
  blocksOf(text)
    .filter(({ language }) => ['', 'sh', 'bash'].includes(language))
    .flatMap(({ body }) => body.split('\n'))
    .filter((line) => /^(?:\w+=\S+ )?(?:npm|npx|node|cd) /.test(line) && !SKIPPED.test(line))
    .map((line) => line.replace(/\s+#.*$/, ''));

/** Words of a command line; quotes hold words together. */
export const wordsOf = (line) =>
  [...line.matchAll(/(?:"[^"]*"|\S)+/g)].map(([word]) => word.replaceAll('"', ''));

/** The same arguments with other values of flags, which are added where they are not there. */
function withFlags(args, flags) {
  const result = [...args];
  for (const [name, value] of Object.entries(flags)) {
    const flag = `--${name}`;
    const index = result.findIndex((arg) => arg === flag || arg.startsWith(`${flag}=`));
    if (index < 0) result.push(flag, String(value));
    else if (result[index] === flag) result[index + 1] = String(value);
    else result[index] = `${flag}=${value}`;
  }
  return result;
}

const BRIEF_RUN = {
  steps: 2,
  'evaluation.every': 2,
  'evaluation.questions': 2,
  'evaluation.finalQuestions': 2,
  'evaluation.lossExamples': 2,
};

/** Recipes of running text and of image tokens, which are judged by their loss alone. */
const WITHOUT_QUESTIONS = /--recipe (tinystories|shakespeare|[\w-]+-tokens)\b|--study /;

function briefRun(args) {
  if (!WITHOUT_QUESTIONS.test(args.join(' '))) return BRIEF_RUN;
  return Object.fromEntries(Object.entries(BRIEF_RUN).filter(([name]) => !/questions/i.test(name)));
}

/** Flags that make a command brief, by its first words. */
const BRIEF = {
  train: briefRun,
  // Later commands name the folder of the recipe as it ships.
  compare: (args) => ({
    ...briefRun(args),
    seeds: 0,
    ...(args.some((arg) => /^--(out|steps|[\w.]+=)/.test(arg)) ? {} : { out: defaultFolder(args) }),
  }),
  evaluate: () => ({ limit: 2, resamples: 100 }),
  generate: (args) => (args.includes('--prompts') ? { 'max-tokens': 1, batch: 256 } : { 'max-tokens': 4 }),
  'images tokens': () => ({ images: 256, rounds: 2 }),
  'images generate': () => ({ classes: '0-1', each: 1 }),
  'images evaluate': () => ({ samples: 20, 'test-images': 20 }),
  'tokenizer train': () => ({}),
  tune: () => ({ seconds: 2 }),
  'bench step': () => ({ steps: 12 }),
  'bench generate': (args) => (args.includes('--model') ? { tokens: 20 } : {}),
  'bench objectives': () => ({ rounds: 1, steps: 2, size: 'S' }),
  'bench scaling': () => ({ contexts: '16,32', widths: 'none', tokens: 64, seconds: 0.1 }),
  'bench soak': () => ({ steps: 200, layers: 1, width: 16, heads: 2, vocab: 16, context: 16, batch: 2 }),
};

function defaultFolder(args) {
  const flag = ['--recipe', '--study', '--task'].find((name) => args.includes(name));
  return join('runs', flag === undefined ? 'star-graph' : args[args.indexOf(flag) + 1]);
}

/** Arguments of node scripts in a brief run. */
const BRIEF_SCRIPTS = {
  'scripts/kill-test.mjs': (args) => withFlags(args, { kills: 1, steps: 6, 'evaluation.every': 3 }),
  'scripts/train-drafters.mjs': (args) => args.with(4, '2'),
};

/** Commands that prepare data for many minutes: their plan is checked, and that they would begin. */
const PLANNED_ONLY = /compare .*(--task|--study) (images|stories)\b/;

/**
 * A command line of a guide, to be run in seconds.
 *
 * @returns environment and words
 */
export function briefly(line) {
  const words = wordsOf(line);
  const environment = {};
  while (/^\w+=/.test(words[0])) {
    const [name, value] = words.shift().split('=');
    environment[name] = value;
  }
  if (words[0] === 'node') {
    const [, script, ...args] = words;
    return { environment, words: ['node', script, ...(BRIEF_SCRIPTS[script]?.(args) ?? args)] };
  }
  const split = words.indexOf('--');
  const [head, args] = split < 0 ? [words, []] : [words.slice(0, split), words.slice(split + 1)];
  const isStart = head[1] === 'start';
  const given = isStart ? ['compare', ...args] : args;
  const name = [given.slice(0, 2).join(' '), given[0]].find((each) => each in BRIEF);
  const brief = PLANNED_ONLY.test(given.join(' '))
    ? [...new Set([...given, '--dry-run'])]
    : withFlags(given, BRIEF[name]?.(given) ?? {});
  return { environment, words: [...head, '--', ...(isStart ? brief.slice(1) : brief)] };
}
