import { parseStudy, type Study } from './study.js';

const lora = { rank: 8, alpha: 16, targets: 'all-linear' };

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
      steps: 180,
      evaluation: { every: 60, lossExamples: 48, bestBy: 'last' },
      logEvery: 10,
    },
    variants: [
      { name: 'ntp', title: 'next-token', objective: 'ntp' },
      { name: 'mtp', title: 'multi-token heads', objective: 'mtp' },
      { name: 'mutor', title: 'MuToR', objective: 'mutor' },
      { name: 'lora', title: 'LoRA, next-token', objective: 'ntp', set: { lora } },
      { name: 'lora-mutor', title: 'LoRA, MuToR', objective: 'mutor', set: { lora } },
    ],
    datasets: [
      {
        name: 'tinystories',
        title: 'TinyStories',
        set: { task: { files: { train: 'tinystories/train.txt', test: 'tinystories/valid.txt' } } },
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
    measure: { testExamples: 256, offsetExamples: 64, prompts: 6, promptTokens: 32, newTokens: 48 },
  },
];

/** The studies that ship. */
export const studies: readonly Study[] = definitions.map((definition) => parseStudy(definition));
