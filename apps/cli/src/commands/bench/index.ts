import { buildRouteMap } from '@stricli/core';
import { attentionCommand } from './attention.js';
import { elementwiseCommand } from './elementwise.js';
import { generateCommand } from './generate.js';
import { matmulCommand } from './matmul.js';
import { objectivesCommand } from './objectives.js';
import { scalingCommand } from './scaling.js';
import { soakCommand } from './soak.js';
import { stepCommand } from './step.js';

export const benchRoutes = buildRouteMap({
  routes: {
    step: stepCommand,
    objectives: objectivesCommand,
    matmul: matmulCommand,
    attention: attentionCommand,
    elementwise: elementwiseCommand,
    generate: generateCommand,
    scaling: scalingCommand,
    soak: soakCommand,
  },
  docs: { brief: 'Measure kernels and training steps on this adapter' },
});
