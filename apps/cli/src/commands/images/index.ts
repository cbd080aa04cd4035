import { buildRouteMap } from '@stricli/core';
import { evaluateImagesCommand } from './evaluate.js';
import { generateImagesCommand } from './generate.js';
import { tokensCommand } from './tokens.js';

export const imagesRoutes = buildRouteMap({
  routes: {
    tokens: tokensCommand,
    generate: generateImagesCommand,
    evaluate: evaluateImagesCommand,
  },
  docs: { brief: 'Images as tokens: make them, draw and judge images of trained models' },
});
