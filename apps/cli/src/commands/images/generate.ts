import { join } from 'node:path';
import type { ImageTokenTask } from '@foretoken/data';
import { toJson, writeAtomic, writeImageTokens } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { UsageError } from '../../errors.js';
import { jsonFlag, optionalText, text, wholeNumber } from '../../flags.js';
import { openImageRun } from '../../images/image-run.js';
import { pictureGrid } from '../../images/picture-grid.js';
import { sampleImages } from '../../images/sample.js';
import { parseNumbers } from '../../settings.js';
import { withDevice } from '../bench/flags.js';
import { type SamplingFlags, samplingFlags, samplingOf } from './flags.js';

interface Flags extends SamplingFlags {
  readonly run: string;
  readonly classes?: readonly number[];
  readonly each: number;
  readonly out?: string;
  readonly tokens?: string;
  readonly json: boolean;
}

/** `each` images of every class in turn; where images have no classes, so many images. */
function labelsOf(task: ImageTokenTask, { classes, each }: Flags): number[] {
  if (task.classes === 0) {
    if (classes !== undefined) throw new UsageError('--classes: the images of the run have no classes.');
    return Array.from({ length: each }, () => task.noClass);
  }
  const wanted = classes ?? Array.from({ length: task.classes }, (_, label) => label);
  const unknown = wanted.find((label) => label >= task.classes);
  if (unknown !== undefined) {
    throw new UsageError(`--classes ${unknown}: the classes of the run are 0 to ${task.classes - 1}.`);
  }
  return wanted.flatMap((label) => Array.from({ length: each }, () => label));
}

async function generate(this: void, flags: Flags): Promise<void> {
  const drawn = await withDevice(async (device) => {
    const run = await openImageRun(device, flags.run, flags.tokenizer);
    try {
      const { task, work, coder, tokenizer } = run;
      const labels = labelsOf(task, flags);
      const start = performance.now();
      const tokens = await sampleImages(work.model, task, labels, samplingOf(flags));
      const seconds = (performance.now() - start) / 1000;
      const { height, width } = task.grid;
      const pixels = await coder.decode(tokens);
      const picture = flags.out ?? join(flags.run, 'samples.png');
      const columns = task.classes === 0 ? Math.ceil(Math.sqrt(flags.each)) : flags.each;
      writeAtomic(picture, pictureGrid(pixels, tokenizer.config.image, { columns }));
      if (flags.tokens !== undefined) {
        const { vocabularySize: codes, classes } = task;
        const kept = classes === 0 ? new Int32Array(0) : Int32Array.from(labels);
        writeImageTokens(flags.tokens, {
          count: labels.length,
          height,
          width,
          codes,
          classes,
          tokens,
          labels: kept,
        });
      }
      return { picture, tokens: flags.tokens ?? null, labels, seconds, images: labels.length };
    } finally {
      run.dispose();
    }
  });
  const { guidance, temperature, seed } = flags;
  process.stdout.write(
    flags.json
      ? toJson({ ...drawn, guidance, temperature, topK: flags.topK ?? null, topP: flags.topP ?? null, seed })
      : `${drawn.images} images in ${drawn.seconds.toFixed(1)} s, a row for each class: ${drawn.picture}\n`,
  );
}

export const generateImagesCommand = buildCommand<Flags>({
  func: generate,
  docs: {
    brief: 'Draw images with a trained image transformer',
    fullDescription:
      'Draws images of classes token by token, with classifier-free guidance, and writes them side by side as PNG, a row for each class. Registers and heads that a model was trained with have no part in it.',
  },
  parameters: {
    flags: {
      run: { kind: 'parsed', placeholder: 'DIR', parse: text, brief: 'Run folder of "foretoken train"' },
      classes: {
        kind: 'parsed',
        placeholder: 'N,N',
        parse: (text) => parseNumbers(text),
        optional: true,
        brief: 'Classes: 0,1,2 or 0-9 [default = all]',
      },
      each: {
        kind: 'parsed',
        placeholder: 'N',
        parse: wholeNumber(1, 10_000),
        default: '8',
        brief: 'Images of each class',
      },
      out: optionalText('DIR', 'The picture [default = RUN/samples.png]'),
      tokens: optionalText('FILE', 'Also write the tokens to this file'),
      ...samplingFlags,
      json: jsonFlag,
    },
  },
});
