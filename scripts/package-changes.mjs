// What apt-get would change, from what it says when it only simulates (`apt-get -s`).

const INSTALLED = /^Inst (\S+) (?:\[([^\]]+)\] )?\(([^\s)]+)/;
const REMOVED = /^Remv (\S+)/;

/**
 * Packages in the order of apt-get: each with its version before, undefined where it is not there, and after, undefined
 * where it is removed.
 */
export function packageChanges(simulation) {
  return simulation.split('\n').flatMap((line) => {
    const [, name, before, after] = INSTALLED.exec(line) ?? [];
    if (name !== undefined) return [{ name, before, after }];
    const [, removed] = REMOVED.exec(line) ?? [];
    return removed === undefined ? [] : [{ name: removed, before: undefined, after: undefined }];
  });
}

/** The same in lines for a person. */
export function describeChanges(changes) {
  const listed = (kind, chosen, write) =>
    chosen.length === 0 ? [] : [`${kind} ${chosen.length}: ${chosen.map(write).join(', ')}`];
  return [
    ...listed(
      'installs',
      changes.filter(({ before, after }) => before === undefined && after !== undefined),
      ({ name, after }) => `${name} ${after}`,
    ),
    ...listed(
      'changes',
      changes.filter(({ before, after }) => before !== undefined && after !== undefined),
      ({ name, before, after }) => `${name} ${before} -> ${after}`,
    ),
    ...listed(
      'removes',
      changes.filter(({ after }) => after === undefined),
      ({ name }) => name,
    ),
  ];
}
