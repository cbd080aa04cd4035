import { bootstrapInterval, type MeanInterval } from '@foretoken/data';
import type { Device } from '@foretoken/tensor';
import { toJson } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { UsageError } from '../../errors.js';
import { jsonFlag, optionalNumber, optionalText, text, wholeNumber } from '../../flags.js';
import { formatShare } from '../../format.js';
import { Classifier } from '../../images/classifier.js';
import { type ImageRun, openImageRun } from '../../images/image-run.js';
import { judgeSamples, type SampleFigures } from '../../images/judge.js';
import { imageTokenLosses } from '../../images/token-losses.js';
import { tell } from '../../output.js';
import { withDevice } from '../bench/flags.js';
import { type SamplingFlags, samplingFlags, samplingOf } from './flags.js';

interface Flags extends SamplingFlags {
  readonly run: string;
  readonly classifier?: string;
  readonly testImages?: number;
  readonly samples: number;
  readonly json: boolean;
}

interface ImageFigures {
  readonly run: string;
  readonly objective: string;
  readonly seed: number;
  readonly testImages: number;
  /** Nats per image token; registers and heads removed. */
  readonly testLoss: MeanInterval;
  readonly classifier: string | null;
  readonly sampling: Readonly<Record<string, unknown>>;
  readonly figures: SampleFigures | null;
}

async function judge(device: Device, run: ImageRun, flags: Flags, path: string): Promise<SampleFigures> {
  const classifier = await Classifier.open(device, path);
  try {
    tell(`Drawing ${flags.samples} images.`);
    return (await judgeSamples(classifier, run, flags.samples, samplingOf(flags))).figures;
  } finally {
    classifier.dispose();
  }
}

async function evaluate(this: void, flags: Flags): Promise<void> {
  const result = await withDevice(async (device): Promise<ImageFigures> => {
    const run = await openImageRun(device, flags.run, flags.tokenizer);
    try {
      const { task, work, session } = run;
      const there = task.exampleCount('test');
      if (there === 0) throw new UsageError(`${flags.run}: the run has no test images (task.files.test).`);
      const testImages = Math.min(there, flags.testImages ?? there);
      const { classifier } = flags;
      // First, so that a classifier that will not do is told before the losses, which take long.
      const figures = classifier === undefined ? null : await judge(device, run, flags, classifier);
      tell(`Reading ${testImages} test images.`);
      const losses = await imageTokenLosses(work.model, task, testImages);
      return {
        run: flags.run,
        objective: work.objective.name,
        seed: session.seed,
        testImages,
        testLoss: bootstrapInterval(losses),
        classifier: classifier ?? null,
        sampling: samplingOf(flags),
        figures,
      };
    } finally {
      run.dispose();
    }
  });
  process.stdout.write(flags.json ? toJson(result) : describe(result));
}

function describe({ testImages, testLoss, figures }: ImageFigures): string {
  const plain = ({ mean, low, high }: MeanInterval): string =>
    `${mean.toFixed(4)} (${low.toFixed(4)} to ${high.toFixed(4)})`;
  const share = ({ mean, low, high }: MeanInterval): string =>
    `${formatShare(mean)} (${formatShare(low)} to ${formatShare(high)})`;
  const loss = `Test loss: ${plain(testLoss)} nats per image token, ${testImages} images.\n`;
  if (figures === null) return loss;
  return `${loss}Of ${figures.samples} samples:
  the classifier sees the class asked for in ${share(figures.accuracy)}
  Frechet distance in its features (no Inception FID): ${plain(figures.frechetDistance)}
  precision ${share(figures.precision)}, recall ${share(figures.recall)}
`;
}

export const evaluateImagesCommand = buildCommand<Flags>({
  func: evaluate,
  docs: {
    brief: 'Judge a trained image transformer: test loss, and samples in the eyes of a classifier',
    fullDescription:
      'The loss per image token on the test images; with --classifier also the share of samples that it takes for the class asked for, and Frechet distance, precision and recall in its features, all with 95 % intervals. Features of another classifier give other figures: compare only what one has judged, with as many samples.',
  },
  parameters: {
    flags: {
      run: { kind: 'parsed', placeholder: 'DIR', parse: text, brief: 'Run folder of "foretoken train"' },
      classifier: optionalText('DIR', 'Run folder of a classifier: "foretoken train --recipe mnist-vit"'),
      testImages: optionalNumber('Test images of the loss [default = all]'),
      samples: {
        kind: 'parsed',
        placeholder: 'N',
        parse: wholeNumber(4, 100_000),
        default: '1000',
        brief: 'Images to draw, as many of each class, and test images to compare them with',
      },
      ...samplingFlags,
      json: jsonFlag,
    },
  },
});
