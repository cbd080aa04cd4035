import { pageWidth, paragraph, wrapWords } from './wrap.js';

/** `--out DIR` by `--out`, as the lines of usage have them; what is told below them may speak of a flag, too. */
function valueNames(help: string): ReadonlyMap<string, string> {
  const [usage = ''] = help.split('\n\n');
  const found = [...usage.matchAll(/(--[\w-]+) ([^\s\]()]+)/g)];
  return new Map(found.map(([, flag, value]) => [flag as string, value as string]));
}

/** A row of flags: its letter and name, and what is said of it. */
const FLAG_ROW = /^( {2}(?:-\w| {2}) )( ?\[?--\S*)( {2,}.*)?$/;
/** A row of arguments or commands. */
const ROW = /^( {2})(\S+(?: \S+)*?)( {2,}.*)?$/;

/** What is left of a line for what is said of a flag; else it stands below. */
const LEAST = 30;

/** Columns of text that stands below, and of further lines of usage. */
const BELOW = 6;

interface Row {
  readonly start: string;
  readonly name: string;
  readonly said: string;
}

/** Rows of names with what is said of them, in two columns that fit. */
function layOut(rows: readonly Row[], width: number): string[] {
  const names = Math.max(0, ...rows.map(({ start, name }) => start.length + name.length));
  const isBeside = width - names - 2 >= LEAST;
  return rows.flatMap(({ start, name, said }) => {
    const head = `${start}${name}`;
    if (!isBeside) return said === '' ? [head] : [head, paragraph(said, width, BELOW)];
    const lines = wrapWords(said, width - names - 2);
    return lines.length === 0
      ? [head]
      : lines.map((line, at) => `${(at === 0 ? head : '').padEnd(names)}  ${line}`);
  });
}

/** A line of usage; none of its brackets is torn. */
function wrapUsage(line: string, width: number): string {
  const [first = '', ...others] = line.trim().split(/ (?=[[(<])/);
  const lines = [`  ${first}`];
  for (const piece of others) {
    const longer = `${lines.at(-1)} ${piece}`;
    if (longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(`${' '.repeat(BELOW)}${piece}`);
  }
  return lines.join('\n');
}

/** That a switch is off when it is not given goes without saying. */
const withoutOff = (said: string): string => said.replace(/ {2,}/g, ' ').replace(/ \[default = false\]$/, '');

/** A section of help: its title, and what is in it. */
function section(text: string, values: ReadonlyMap<string, string>, width: number): string {
  const [title = '', ...lines] = text.trimEnd().split('\n');
  const rows = lines.flatMap((line) => {
    const [, start, name, rest = ''] = (title === 'FLAGS' ? FLAG_ROW : ROW).exec(line) ?? [];
    if (start === undefined || name === undefined) return [];
    const flag = title === 'FLAGS' ? (/--[\w-]*/.exec(name)?.[0] ?? '') : '';
    const value = values.get(flag);
    const full = value === undefined ? name : name.replace(flag, `${flag} ${value}`);
    return [{ start, name: full, said: withoutOff(rest.trim()) }];
  });
  return rows.length === lines.length ? [title, ...layOut(rows, width)].join('\n') : text.trimEnd();
}

/**
 * Help of a command in which the list of flags, too, names what each takes, `--steps N`, and whose lines fit the terminal.
 *
 * @param help - as the argument parser writes it, without colours
 * @param width - columns of the terminal
 */
export function layOutHelp(help: string, width = pageWidth()): string {
  const [before, ...sections] = help.split(/^(?=FLAGS$|ARGUMENTS$|COMMANDS$)/m);
  if (before === undefined || !sections.some((text) => text.startsWith('FLAGS'))) return help;
  const values = valueNames(before);
  const top = before
    .trimEnd()
    .split('\n')
    .map((line) => (line.startsWith('  ') ? wrapUsage(line, width) : paragraph(line, width)))
    .join('\n');
  return `${[top, ...sections.map((text) => section(text, values, width))].join('\n\n')}\n`;
}
