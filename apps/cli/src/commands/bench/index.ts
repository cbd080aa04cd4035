import { buildRouteMap } from '@stricli/core';
import { stepCommand } from './step.js';

export const benchRoutes = buildRouteMap({
  routes: { step: stepCommand },
  docs: { brief: 'Measure kernels and training steps on this adapter' },
});
