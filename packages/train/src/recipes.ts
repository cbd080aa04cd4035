import { starGraphSettings } from '@foretoken/data';
import { didYouMean, quote } from '@foretoken/input';
import { RecipeError } from './errors.js';
import { parseRecipe, type Recipe } from './recipe.js';
import { taskOf } from './task-kinds.js';

const shared = {
  objectives: {
    ntp: {},
    mtp: { heads: 3 },
    teacherless: {},
    mutor: {},
  },
  optimizer: {
    learningRate: 2e-3,
    beta1: 0.9,
    beta2: 0.99,
    weightDecay: 0.01,
    clip: 1,
    schedule: 'constant',
    warmupSteps: 50,
  },
  batch: 64,
  evaluation: { every: 125, questions: 512, finalQuestions: 1024, solved: 0.99 },
  logEvery: 25,
};

/** The share of MuToR's register loss in the reference runs of these recipes. */
const mutor = (length: number) => ({ maxOffset: length - 1, weight: 0.3 });

/**
 * Images of 7 by 7 tokens, in the manner of LlamaGen; the share of registers and heads is the paper's. With
 * `mutor.offsets=grid` registers look ahead in two dimensions.
 */
const images = {
  objective: 'ntp',
  model: { width: 64, layers: 4, heads: 4 },
  objectives: {
    ntp: {},
    mtp: { heads: 4, weight: 0.5 },
    mutor: { maxOffset: 4, weight: 0.5, registers: 'everywhere', grid: { height: 7, width: 7 } },
  },
  optimizer: {
    learningRate: 2e-3,
    beta2: 0.95,
    weightDecay: 0.05,
    clip: 1,
    schedule: 'cosine',
    warmupSteps: 100,
  },
  batch: 64,
  steps: 2000,
  evaluation: { every: 500, lossExamples: 1000 },
  logEvery: 50,
};

/** The files that `foretoken images tokens` makes of a data set. */
const tokensOf = (dataSet: string) => ({
  kind: 'image-tokens',
  files: { train: `tokens/${dataSet}/train.safetensors`, test: `tokens/${dataSet}/test.safetensors` },
});

/** What the recipes of images share: AdamW with cosine decay, and figures on all test images. */
const vision = {
  objective: 'classify',
  optimizer: {
    learningRate: 2e-3,
    beta2: 0.99,
    weightDecay: 0.05,
    clip: 1,
    schedule: 'cosine',
    warmupSteps: 150,
  },
  batch: 64,
  steps: 3000,
  evaluation: { every: 500, questions: 2000, finalQuestions: 10_000, lossExamples: 2000, bestBy: 'last' },
  logEvery: 25,
};

/** Small ViTs, and initial values that train at such a width from nothing. */
const vit = (patch: number) => ({
  patch,
  width: 96,
  layers: 4,
  heads: 4,
  initialization: { input: 'fanIn', residual: 'fanIn', scaleResidual: true },
});

const definitions: readonly unknown[] = [
  {
    ...shared,
    name: 'star-graph',
    title: 'Star graphs G(2, 4)',
    description:
      'Path-star graphs with 2 arms of 4 nodes and 10 names, one position for each edge (our format: the paper writes each edge as three tokens).',
    task: starGraphSettings['star-graph'],
    model: { width: 64, layers: 5, heads: 4, positions: 'rotary' },
    objectives: { ...shared.objectives, mutor: mutor(4) },
    steps: 2000,
  },
  {
    ...shared,
    name: 'star-graph-paper',
    title: 'Star graphs G(2, 4), token format',
    description:
      'The same graphs in the token format of the paper: every node and every separator is a position.',
    task: starGraphSettings['star-graph-paper'],
    model: { width: 64, layers: 6, heads: 4, positions: 'learned' },
    objectives: { ...shared.objectives, mutor: mutor(4) },
    steps: 5000,
  },
  {
    ...shared,
    name: 'star-graph-long',
    title: 'Star graphs G(2, 5)',
    description: 'Longer paths: 2 arms of 5 nodes and 10 names, one position for each edge (our format).',
    task: starGraphSettings['star-graph-long'],
    model: { width: 64, layers: 6, heads: 4, positions: 'rotary' },
    objectives: { ...shared.objectives, mtp: { heads: 4 }, mutor: mutor(5) },
    steps: 4000,
  },
  {
    name: 'tinystories',
    title: 'TinyStories fine-tuning',
    objective: 'ntp',
    description:
      'Fine-tunes the pretrained stories260K model (a Llama of 260,032 parameters) on running text of short stories; "foretoken data get stories260K tinystories" fetches both.',
    task: {
      kind: 'corpus',
      files: { train: 'tinystories/train.txt', validation: 'tinystories/valid.txt' },
      time: 128,
    },
    model: { from: 'stories260K' },
    objectives: { mtp: { heads: 3, weight: 0.3 }, mutor: { maxOffset: 4, weight: 0.3 } },
    optimizer: {
      learningRate: 1e-4,
      beta2: 0.95,
      weightDecay: 0.01,
      clip: 1,
      schedule: 'cosine',
      warmupSteps: 10,
    },
    batch: 8,
    steps: 120,
    evaluation: { every: 30, lossExamples: 64 },
    logEvery: 10,
  },
  {
    name: 'shakespeare',
    title: 'Tiny Shakespeare, character by character',
    objective: 'ntp',
    description:
      "A GPT from scratch on Shakespeare's plays with a token for each character, in the sizes that nanoGPT has for a CPU; docs/from-scratch.md has those for a GPU.",
    task: {
      kind: 'corpus',
      files: { train: 'tinyshakespeare/input.txt' },
      tokenizer: 'char',
      separator: null,
      endToken: false,
      validationShare: 0.1,
      time: 64,
    },
    model: { preset: 'gpt2', width: 128, layers: 4, heads: 4 },
    objectives: { mtp: { heads: 3, weight: 0.3 }, mutor: { maxOffset: 4, weight: 0.3 } },
    optimizer: {
      learningRate: 1e-3,
      beta2: 0.99,
      weightDecay: 0.1,
      clip: 1,
      schedule: 'cosine',
      warmupSteps: 100,
    },
    batch: 12,
    steps: 1000,
    evaluation: { every: 250, lossExamples: 240 },
    samples: { prompt: '\n', tokens: 300, temperature: 0.8 },
    logEvery: 10,
  },
  {
    ...images,
    name: 'mnist-tokens',
    title: 'MNIST as image tokens',
    description:
      'A class-conditional image transformer on digits of 7 x 7 tokens; "foretoken images tokens mnist" makes the files.',
    task: tokensOf('mnist'),
  },
  {
    ...images,
    name: 'fashion-mnist-tokens',
    title: 'Fashion-MNIST as image tokens',
    description:
      'A class-conditional image transformer on pictures of clothes of 7 x 7 tokens; "foretoken images tokens fashion-mnist" makes the files.',
    task: tokensOf('fashion-mnist'),
  },
  {
    ...vision,
    name: 'mnist-vit',
    title: 'MNIST with a small ViT',
    description: 'Handwritten digits of 28 x 28 pixels in patches of 7 x 7.',
    task: { kind: 'mnist', shift: 2, labelSmoothing: 0.1 },
    model: vit(7),
  },
  {
    ...vision,
    name: 'fashion-mnist-vit',
    title: 'Fashion-MNIST with a small ViT',
    description:
      'Pictures of clothes of 28 x 28 pixels in patches of 7 x 7; the first 10,000 training images.',
    task: { kind: 'fashion-mnist', trainingImages: 10_000, shift: 1, flip: true, labelSmoothing: 0.1 },
    model: vit(7),
  },
  {
    ...vision,
    name: 'cifar10-vit',
    title: 'CIFAR-10 with a small ViT',
    description: 'Colour photographs of 32 x 32 pixels in patches of 4 x 4.',
    task: { kind: 'cifar10', shift: 4, flip: true, labelSmoothing: 0.1, mixup: 0.2 },
    model: vit(4),
  },
];

/** The recipes that ship, the default first. */
export const recipes: readonly Recipe[] = definitions.map(parseRecipe);

/** @throws RecipeError naming all recipes when none has this name */
export function findRecipe(name: string): Recipe {
  const recipe = recipes.find((each) => each.name === name);
  if (recipe !== undefined) return recipe;
  const names = recipes.map((each) => each.name);
  throw new RecipeError(`no recipe ${quote(name)}.${didYouMean(name, names)} There are ${names.join(', ')}.`);
}

/**
 * The recipe that ships for a kind of task, the first where there are several.
 *
 * @throws RecipeError naming all kinds that have one
 */
export function recipeOfTask(name: string): Recipe {
  const kindOf = (recipe: Recipe): string => taskOf(recipe).kind.name;
  const recipe = recipes.find((each) => kindOf(each) === name);
  if (recipe !== undefined) return recipe;
  const names = [...new Set(recipes.map(kindOf))];
  throw new RecipeError(
    `no recipe ships for task ${quote(name)}.${didYouMean(name, names)} There are some for ${names.join(', ')}.`,
  );
}
