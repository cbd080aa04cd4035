import { nearestName } from '@foretoken/input';

/** ` Did you mean x?`, when one of the names is close; else nothing. */
export function nearest(name: string, names: readonly string[]): string {
  const best = nearestName(name, names);
  return best === undefined ? '' : ` Did you mean ${best}?`;
}
