import { parseStudy, type Study } from './study.js';

/** Adapters start at nothing and want a higher rate than the weights themselves. */
const withAdapters = {
  lora: { rank: 8, alpha: 16, targets: 'all-linear' },
  optimizer: { learningRate: 1e-2 },
};

/** Tokens of images of 28 x 28 pixels in patches of 4 x 4. */
const grid = { height: 7, width: 7 };
/** Distances of up to two rows and two columns, the register's token itself left out. */
const onGrid = { offsets: 'grid', maxOffset: 3 };
/** Embeddings as large as what blocks add to them, and outputs that begin at nothing: what it brings is told below. */
const initialization = {
  embedding: 0.3,
  input: 'fanIn',
  residual: 'fanIn',
  scaleResidual: true,
  output: 0,
};
/** Rates were chosen for each objective, see below. */
const at = (learningRate: number, mutor?: object) => ({
  optimizer: { learningRate },
  ...(mutor === undefined ? {} : { objectives: { mutor } }),
});

// Learning rates were chosen by the validation loss after 150 steps with seed 0, on text that no test uses:
//   Shakespeare  next-token 1e-3 2.766, 3e-3 2.701, 6e-3 2.782; heads 1e-3 2.811, 3e-3 2.740; MuToR 1e-3 2.795, 3e-3 2.727;
//                LoRA 3e-3 2.972, 1e-2 2.863, 2e-2 3.030
//   GSM8K        next-token 1e-3 2.403, 3e-3 2.334, 6e-3 2.462; heads 1e-3 2.462, 3e-3 2.403; MuToR 1e-3 2.439, 3e-3 2.362;
//                LoRA 3e-3 2.859, 1e-2 2.753
//   TinyStories  next-token 3e-4 1.631, 1e-3 1.676, 1.671 before training; LoRA as many times more as elsewhere
// Registers with five times the rate of the model (optimizer.objectiveRateScale) were no better: 2.734 and 2.353 at 3e-3.
// Of images, after 300 steps on MNIST with seed 0, on held-out training images:
//   next-token 3e-3 1.158, 6e-3 1.128, 1e-2 1.136; heads 6e-3 1.305, 1e-2 1.221; MuToR-1D 3e-3 1.198, 6e-3 1.254, 1e-2 1.212;
//   MuToR-2D with 30% of the registers 3e-3 1.363, 6e-3 1.359, 1e-2 1.244, so for all registers too.
// With the usual small first values: next-token 1.5e-3 1.407, 3e-3 1.347, 6e-3 1.261, 1e-2 1.195, 1.5e-2 1.311; heads 6e-3 1.278, 1e-2 1.201;
//   MuToR-2D, 30% 3e-3 1.432, 6e-3 1.335, 1e-2 1.457
const definitions: readonly unknown[] = [
  {
    name: 'stories',
    title: 'Objectives for fine-tuning a small language model',
    description:
      'The pretrained stories260K model (a Llama of 260,032 parameters, made for children’s stories) is fine-tuned on stories like those that it knows, on Shakespeare and on problems of mathematics: with next-token prediction, multi-token heads and MuToR, on all weights and with LoRA.',
    recipe: {
      task: { kind: 'corpus', time: 128 },
      model: { from: 'stories260K' },
      objectives: { mtp: { heads: 4, weight: 0.3 }, mutor: { maxOffset: 4, weight: 0.3 } },
      optimizer: {
        learningRate: 3e-3,
        beta2: 0.95,
        weightDecay: 0.01,
        clip: 1,
        schedule: 'cosine',
        warmupSteps: 15,
      },
      batch: 4,
      steps: 150,
      evaluation: { every: 50, lossExamples: 48, bestBy: 'last' },
      logEvery: 10,
    },
    variants: [
      { name: 'ntp', title: 'next-token', objective: 'ntp' },
      { name: 'mtp', title: 'multi-token heads', objective: 'mtp' },
      { name: 'mutor', title: 'MuToR', objective: 'mutor' },
      { name: 'lora', title: 'LoRA, next-token', objective: 'ntp', set: withAdapters },
      { name: 'lora-mutor', title: 'LoRA, MuToR', objective: 'mutor', set: withAdapters },
    ],
    datasets: [
      {
        name: 'tinystories',
        title: 'TinyStories',
        set: {
          task: { files: { train: 'tinystories/train.txt', test: 'tinystories/valid.txt' } },
          optimizer: { learningRate: 3e-4 },
        },
        variants: {
          lora: { optimizer: { learningRate: 1e-3 } },
          'lora-mutor': { optimizer: { learningRate: 1e-3 } },
        },
      },
      {
        name: 'shakespeare',
        title: 'tiny Shakespeare',
        set: { task: { files: { train: 'tinyshakespeare/input.txt' }, testShare: 0.1 } },
      },
      {
        name: 'gsm8k',
        title: 'GSM8K as plain text',
        set: {
          task: {
            files: { train: 'gsm8k/train.jsonl', test: 'gsm8k/test.jsonl' },
            template: 'Question: {question}\n\nAnswer: {answer}',
            separator: null,
          },
        },
      },
    ],
    budgets: ['steps', 'flops'],
    measure: { testExamples: 192, offsetExamples: 64, prompts: 6, promptTokens: 32, newTokens: 48 },
  },
  {
    name: 'images',
    title: 'Objectives for generating small images',
    description:
      'A class-conditional image transformer in the manner of LlamaGen learns pictures of 28 x 28 pixels as 7 x 7 tokens: with next-token prediction, multi-token heads, MuToR with distances along the sequence (1D), and MuToR with distances on the grid (2D; arXiv 2505.10518, section on image generation) with a register behind every token or behind 15 of the 49.',
    recipe: {
      task: {
        kind: 'image-tokens',
        files: { train: 'tokens/train.safetensors', test: 'tokens/test.safetensors' },
      },
      model: { width: 64, layers: 4, heads: 4, initialization },
      objectives: { mtp: { heads: 4, weight: 0.5 }, mutor: { weight: 0.5, registers: 'everywhere', grid } },
      optimizer: {
        learningRate: 1e-2,
        beta2: 0.95,
        weightDecay: 0.05,
        clip: 1,
        schedule: 'cosine',
        warmupSteps: 50,
      },
      batch: 32,
      steps: 600,
      evaluation: { every: 150, lossExamples: 256, bestBy: 'last' },
      logEvery: 25,
    },
    variants: [
      { name: 'ntp', title: 'next-token', objective: 'ntp', set: at(6e-3) },
      { name: 'mtp', title: 'multi-token heads', objective: 'mtp', set: at(1e-2) },
      { name: 'mutor-1d', title: 'MuToR-1D', objective: 'mutor', set: at(3e-3, { maxOffset: 4 }) },
      { name: 'mutor-2d', title: 'MuToR-2D', objective: 'mutor', set: at(1e-2, onGrid) },
      {
        name: 'mutor-2d-30',
        title: 'MuToR-2D, 30% registers',
        objective: 'mutor',
        set: at(1e-2, { ...onGrid, registerCount: 15 }),
      },
    ],
    datasets: [
      { name: 'mnist', title: 'MNIST', prepare: { images: 'mnist' } },
      { name: 'fashion-mnist', title: 'Fashion-MNIST', prepare: { images: 'fashion-mnist' }, firstSeeds: 1 },
    ],
    budgets: ['steps', 'flops'],
    measure: { testImages: 2000, offsetImages: 256, samples: 500, guidance: 2 },
  },
];

/** The studies that ship. */
export const studies: readonly Study[] = definitions.map((definition) => parseStudy(definition));
