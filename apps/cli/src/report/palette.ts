import { html, type Markup } from './escape.js';

/** How the plots draw an objective: the same everywhere, and told apart by shape where colour does not reach. */
export interface Look {
  /** A CSS colour, which follows the reader's light or dark theme. */
  readonly colour: string;
  readonly shape: 'circle' | 'square' | 'triangle-up' | 'diamond' | 'triangle-down' | 'cross';
}

// Colours of Okabe and Ito (2008), by the names of the style sheet's variables.
const LOOKS: readonly Look[] = [
  { colour: 'var(--blue)', shape: 'circle' },
  { colour: 'var(--orange)', shape: 'square' },
  { colour: 'var(--purple)', shape: 'triangle-up' },
  { colour: 'var(--green)', shape: 'diamond' },
  { colour: 'var(--vermillion)', shape: 'triangle-down' },
  { colour: 'var(--sky)', shape: 'cross' },
];

/** Objectives that ship keep their look in every report, whichever of them were run. */
const FIXED: readonly string[] = ['ntp', 'mtp', 'teacherless', 'mutor'];

/** The look of each objective of a comparison; others than those that ship get what these leave. */
export function looksOf(objectives: readonly string[]): ReadonlyMap<string, Look> {
  const others = objectives.filter((name) => !FIXED.includes(name));
  const absent = FIXED.filter((name) => !objectives.includes(name));
  const left = [...LOOKS.slice(FIXED.length), ...absent.map((name) => LOOKS[FIXED.indexOf(name)] as Look)];
  return new Map(
    objectives.map((name) => {
      const look = FIXED.includes(name)
        ? LOOKS[FIXED.indexOf(name)]
        : (left[others.indexOf(name)] ?? LOOKS[others.indexOf(name) % LOOKS.length]);
      return [name, look as Look];
    }),
  );
}

const SHAPES: Readonly<Record<Look['shape'], string>> = {
  circle: 'M10.5 6a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0Z',
  square: 'M11 2h8v8h-8Z',
  'triangle-up': 'M15 1.5l5 9h-10Z',
  diamond: 'M15 1l4 5l-4 5l-4-5Z',
  'triangle-down': 'M15 10.5l5-9h-10Z',
  cross: 'M13.5 1.5h3v3h3v3h-3v3h-3v-3h-3v-3h3Z',
};

/** The line and the mark of an objective, as keys show them. */
export const swatch = ({ colour, shape }: Look): Markup =>
  html`<svg class="swatch" viewBox="0 0 30 12" width="30" height="12" aria-hidden="true"><path d="M0 6H30" stroke="${colour}" stroke-width="2"/><path d="${SHAPES[shape]}" fill="${colour}"/></svg>`;
