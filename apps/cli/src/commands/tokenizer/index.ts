import { buildRouteMap } from '@stricli/core';
import { trainTokenizerCommand } from './train.js';

export const tokenizerRoutes = buildRouteMap({
  routes: { train: trainTokenizerCommand },
  docs: { brief: 'Tokenizers: train one on text' },
});
