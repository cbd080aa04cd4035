import { bufferName } from './emitter.js';

/** A tensor that is larger than a binding may be, bound as several windows of equal length. */
export interface Windows {
  /** The binding that stands for all of it in the code; also that of the first window. */
  readonly binding: number;
  /** Bindings of the other windows, in order. */
  readonly others: readonly number[];
  /** Elements of a window, in what the binding holds. */
  readonly length: number;
}

/** Where the bracket that is open at `from` closes. */
function closing(code: string, from: number): number {
  let depth = 0;
  for (let at = from; at < code.length; at++) {
    if (code[at] === '[') depth++;
    if (code[at] === ']' && --depth === 0) return at;
  }
  throw new Error('internal: a bracket of a kernel does not close.');
}

/** Code in which `name[place]` is `load(place)`, and `name[place] = value;` is `store(place, value);`. */
function replaceAccesses(code: string, name: string, load: string, store: string): string {
  const access = new RegExp(`\\b${name}\\[`, 'g');
  let result = '';
  let from = 0;
  for (let match = access.exec(code); match !== null; match = access.exec(code)) {
    const open = match.index + name.length;
    const close = closing(code, open);
    const place = replaceAccesses(code.slice(open + 1, close), name, load, store);
    const assignment = /^\s*=(?!=)\s*/.exec(code.slice(close + 1));
    result += code.slice(from, match.index);
    if (assignment === null) {
      result += `${load}(${place})`;
      from = close + 1;
    } else {
      const start = close + 1 + assignment[0].length;
      const end = code.indexOf(';', start);
      result += `${store}(${place}, ${replaceAccesses(code.slice(start, end), name, load, store)})`;
      from = end;
    }
    access.lastIndex = from;
  }
  return result + code.slice(from);
}

/** A kernel that reaches a tensor through its windows. */
export function throughWindows(code: string, { binding, others, length }: Windows): string {
  const name = bufferName(binding);
  const declaration = new RegExp(`^.*\\bvar<storage, read_write> ${name}: array<(.*)>;$`, 'm').exec(code);
  if (declaration === null) throw new Error(`internal: a kernel does not declare ${name}.`);
  const type = declaration[1] as string;
  const [load, store] = [`load_${name}`, `store_${name}`];
  const body = replaceAccesses(code, name, load, store);
  const windowName = (at: number): string => `${name}_${at + 1}`;
  const declarations = others.map(
    (other, at) => `@group(0) @binding(${other}) var<storage, read_write> ${windowName(at)}: array<${type}>;`,
  );
  const cases = (access: (window: string, place: string) => string): string =>
    others
      .map((_, at) => `case ${at + 1}u: { ${access(windowName(at), `at - ${(at + 1) * length}u`)} }`)
      .join(' ');
  const functions = [
    ...(body.includes(`${load}(`)
      ? [
          `fn ${load}(at: u32) -> ${type} { switch (at / ${length}u) { ${cases((window, place) => `return ${window}[${place}];`)} default: { return ${name}[at]; } } }`,
        ]
      : []),
    ...(body.includes(`${store}(`)
      ? [
          `fn ${store}(at: u32, value: ${type}) { switch (at / ${length}u) { ${cases((window, place) => `${window}[${place}] = value;`)} default: { ${name}[at] = value; } } }`,
        ]
      : []),
  ];
  return [body, ...declarations, ...functions].join('\n');
}
