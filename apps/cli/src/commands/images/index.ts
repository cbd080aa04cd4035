import { buildRouteMap } from '@stricli/core';
import { generateImagesCommand } from './generate.js';
import { tokensCommand } from './tokens.js';

export const imagesRoutes = buildRouteMap({
  routes: {
    tokens: tokensCommand,
    generate: generateImagesCommand,
  },
  docs: { brief: 'Images as tokens: make them, draw and judge images of trained models' },
});
