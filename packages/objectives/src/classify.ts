// B images.
import {
  classifierFlops,
  type ImageClassifier,
  type ImageClassifierConfig,
  patchCount,
  TRAINING_FACTOR,
} from '@foretoken/models';
import { Module } from '@foretoken/nn';
import { z } from 'zod';
import { checkImageBatch, type ImageBatch } from './image-batch.js';
import { input, meanOver } from './inputs.js';
import type {
  LearningObjective,
  LossInputs,
  ObjectiveCost,
  ObjectiveLoss,
  PreparedBatch,
  TargetCounts,
} from './objective.js';
import { defineObjective, type ObjectiveContext } from './objective-kind.js';

/** The class of each image: mean cross-entropy with labels that may be soft. */
export class Classify extends Module implements LearningObjective<ImageBatch, ImageClassifier> {
  readonly name = 'classify';

  prepare(source: ImageBatch): PreparedBatch {
    checkImageBatch(this.name, source);
    const { batch, image, classes, pixels, labels } = source;
    return {
      pixels: { data: pixels, shape: [batch, image.channels, image.height, image.width] },
      labels: { data: labels, shape: [batch, classes] },
    };
  }

  targetCounts(prepared: PreparedBatch): TargetCounts {
    const labels = prepared['labels']?.data as Float32Array;
    return { labels: labels.reduce((sum, label) => sum + label, 0) };
  }

  /** Images whose labels are all 0 count for nothing; 0 without any other. */
  loss(model: ImageClassifier, inputs: LossInputs): ObjectiveLoss {
    const labels = input(inputs, 'labels');
    const logits = model.forward(input(inputs, 'pixels'), { dropoutKey: inputs['dropoutKey'] });
    const losses = logits.logSoftmax(-1).mul(labels).neg();
    const classification = meanOver(inputs, 'labels', losses, labels.sum());
    return { loss: classification, parts: { classification } };
  }

  /** What a step on a batch of so many images costs, in closed form; tokens are patches. */
  cost(model: ImageClassifierConfig, batch: number): ObjectiveCost {
    return { flops: TRAINING_FACTOR * classifierFlops(model, batch), tokens: batch * patchCount(model) };
  }
}

export const classify = defineObjective({
  name: 'classify',
  title: 'classification',
  description: 'the class of each image, by cross-entropy with labels that may be soft',
  settings: z.strictObject({}),
  create: (_settings, _context: ObjectiveContext<ImageClassifierConfig>) => new Classify(),
});
