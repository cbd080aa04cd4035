import { buildRouteMap } from '@stricli/core';
import { getCommand } from './get.js';
import { listCommand } from './list.js';

export const dataRoutes = buildRouteMap({
  routes: { get: getCommand, list: listCommand },
  docs: { brief: 'Data sets and small models: list them, fetch them' },
});
