/** `--out DIR` by `--out`, as the lines of usage have them; what is told below them may speak of a flag, too. */
function valueNames(help: string): ReadonlyMap<string, string> {
  const [usage = ''] = help.split('\n\n');
  const found = [...usage.matchAll(/(--[\w-]+) ([^\s\]()]+)/g)];
  return new Map(found.map(([, flag, value]) => [flag as string, value as string]));
}

/** A row of flags: its letter and name, and what is said of it. */
const ROW = /^( {2}(?:-\w| {2}) )( ?\[?--\S*)( {2,}.*)?$/;

/**
 * Help of a command in which the list of flags, too, names what each takes: `--steps N`.
 *
 * @param help - as the argument parser writes it, without colours
 */
export function withValueNames(help: string): string {
  const [before, flags, ...after] = help.split(/^(?=FLAGS$|ARGUMENTS$|COMMANDS$)/m);
  if (before === undefined || flags === undefined || !flags.startsWith('FLAGS')) return help;
  const names = valueNames(before);
  const rows = flags.split('\n').map((line) => {
    const [, start = '', name, rest = ''] = ROW.exec(line) ?? [];
    if (name === undefined) return { line };
    const flag = /--[\w-]*/.exec(name)?.[0] ?? '';
    const value = names.get(flag);
    const full = value === undefined ? name : name.replace(flag, `${flag} ${value}`);
    return { line, start, full, rest: rest.trimStart() };
  });
  const width = Math.max(0, ...rows.map(({ full = '' }) => full.length));
  const written = rows.map(({ line, start, full, rest }) =>
    full === undefined ? line : `${start}${full.padEnd(width)}  ${rest}`.trimEnd(),
  );
  return [before, written.join('\n'), ...after].join('');
}
