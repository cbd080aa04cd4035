import { didYouMean, oneLine, quote } from '@foretoken/input';
import { ConfigError } from '@foretoken/nn';
import type { LoraConfig } from './config.js';
import type { LinearSite } from './linear-sites.js';

/** Targets in one message. */
const LISTED = 10;

/** All linear layers but the output, as PEFT says it. */
export const ALL_LINEAR = 'all-linear';

/** The last part of a name: `q_proj`. */
export const lastPart = (name: string): string => name.slice(name.lastIndexOf('.') + 1);

const unique = <Item>(items: readonly Item[]): Item[] => [...new Set(items)];

/** The expression for Python's `re.fullmatch`. @throws ConfigError where JavaScript cannot read it */
function wholeName(pattern: string, setting: string): RegExp {
  try {
    const expression = new RegExp(`^(?:${pattern})$`);
    // What is too large is only found where it is used.
    expression.test('');
    return expression;
  } catch (error) {
    // "Invalid regular expression: /the whole of it/: reason"
    const { message } = error as Error;
    const reason = message.slice(message.lastIndexOf(': ') + 2);
    throw new ConfigError(
      `LoRA config: ${setting}: ${quote(pattern)} is no regular expression: ${oneLine(reason)}.`,
      { cause: error },
    );
  }
}

const endsWith = (name: string, end: string): boolean => name === end || name.endsWith(`.${end}`);

/** Whether a name is meant, as PEFT decides it. */
function matcher(wanted: LoraConfig['targets'], setting: string): (name: string) => boolean {
  if (typeof wanted !== 'string') return (name) => wanted.some((end) => endsWith(name, end));
  if (wanted.toLowerCase() === ALL_LINEAR) return () => true;
  const expression = wholeName(wanted, setting);
  return (name) => expression.test(name);
}

/** What is wrong with targets of which nothing in the model is meant. */
function describeUnmatched(targets: readonly string[], names: readonly string[]): string {
  const ends = unique(names.map(lastPart));
  const suggestions = targets.slice(0, LISTED).map((target) => {
    const candidates = target.includes('.') ? names : ends;
    return `target ${quote(target)} matches no linear layer.${didYouMean(target, candidates)}`;
  });
  return `${suggestions.join(' ')} There are ${ends.join(', ')}, as in ${names[0]}.`;
}

/**
 * The linear layers that a config means, in the order of the model.
 *
 * @param unmatched - whether targets may mean nothing, as long as one of them does: those in files of PEFT may
 * @throws ConfigError when a target, or all of them together, mean none
 */
export function selectSites(
  sites: readonly LinearSite[],
  { targets, exclude, layers }: Pick<LoraConfig, 'targets' | 'exclude' | 'layers'>,
  unmatched: 'refused' | 'allowed' = 'refused',
): LinearSite[] {
  const isTarget = matcher(targets, 'targets');
  const isExcluded = exclude === undefined ? () => false : matcher(exclude, 'exclude');
  const names = sites.map(({ name }) => name);
  const patterns = typeof targets === 'string' ? [targets] : targets;
  const idle = patterns.filter((pattern) => {
    const means = matcher(typeof targets === 'string' ? pattern : [pattern], 'targets');
    return !names.some(means);
  });
  if (idle.length > (unmatched === 'allowed' ? patterns.length - 1 : 0))
    throw new ConfigError(`LoRA config: ${describeUnmatched(idle, names)}`);
  const beyond = layers?.find((layer) => !sites.some((site) => site.layer === layer));
  if (beyond !== undefined) {
    const last = Math.max(...sites.map(({ layer }) => layer));
    throw new ConfigError(`LoRA config: layers: layer ${beyond} does not exist: layers are 0 to ${last}.`);
  }
  const chosen = sites.filter(
    ({ name, layer }) => isTarget(name) && !isExcluded(name) && (layers?.includes(layer) ?? true),
  );
  if (chosen.length === 0) throw new ConfigError('LoRA config: exclude leaves none of the targets.');
  return chosen;
}

/** The value of the first pattern that fits the end of a name, as PEFT looks ranks and alphas up. */
export function patternValue(
  patterns: Readonly<Record<string, number>>,
  name: string,
  setting: string,
): number | undefined {
  const found = Object.entries(patterns).find(([pattern]) =>
    wholeName(`(?:.*\\.)?(?:${pattern})`, setting).test(name),
  );
  return found?.[1];
}
