const LIGHT = `
  --page: #fcfcfb; --panel: #ffffff; --ink: #1d2126; --soft: #5a636e; --line: #dfe3e8; --grid: #e9ecf0;
  --blue: #0072b2; --orange: #e69f00; --purple: #cc79a7; --green: #009e73; --vermillion: #d55e00; --sky: #56b4e9;
  --right: #00704f; --wrong: #b34a00;`;

// On a dark page blue gives way to a lighter blue; the other hues of Okabe and Ito stand well on both.
const DARK = `
  --page: #14171b; --panel: #1a1e23; --ink: #e4e7eb; --soft: #a1aab5; --line: #333a43; --grid: #262c33;
  --blue: #4ba3e3; --orange: #e69f00; --purple: #d58bb4; --green: #14b88a; --vermillion: #f0783c; --sky: #8ecff5;
  --right: #35c79d; --wrong: #ff955c;`;

/** The colours of the light theme, by the names of their variables. */
export const lightColours: ReadonlyMap<string, string> = new Map(
  [...LIGHT.matchAll(/--(\w+): (#\w+)/g)].map(([, name = '', colour = '']) => [name, colour]),
);

/** Widths below which tables of few, some and many columns turn their rows into cards. */
const CARDS_BELOW: Readonly<Record<string, number>> = { few: 420, some: 680, many: 900 };

/** Each row of a table as a card: its name, and below it a line for each figure. */
const cards = (table: string): string => `
  ${table} table, ${table} tbody, ${table} tbody th, ${table} td { display: block; }
  ${table} thead { display: none; }
  ${table} tr { display: grid; grid-template-columns: repeat(auto-fill, minmax(118px, 1fr)); gap: 8px 16px; padding: 12px; border-bottom: 1px solid var(--line); }
  ${table} tr:last-child { border-bottom: 0; }
  ${table} tbody th { grid-column: 1 / -1; padding: 0; border: 0; position: static; max-width: 100%; }
  ${table} td { padding: 0; border: 0; text-align: left; white-space: normal; overflow-wrap: anywhere; }
  ${table} td.empty { display: none; }
  ${table} td::before { content: attr(data-label); display: block; color: var(--soft); font-size: 0.82rem; line-height: 1.3; }
`;

/** The style sheet of the report. */
export const style = `
:root { color-scheme: light dark; ${LIGHT} }
@media (prefers-color-scheme: dark) { :root { ${DARK} } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
main { max-width: 1080px; margin: 0 auto; padding: 40px 20px 64px; }
h1 { font-size: 1.8rem; line-height: 1.2; font-weight: 650; letter-spacing: -0.01em; margin: 0 0 8px; }
h2 { font-size: 1.3rem; font-weight: 620; margin: 52px 0 10px; }
h3 { font-size: 0.95rem; font-weight: 600; margin: 0 0 6px; }
h3.budget { font-size: 1.1rem; margin: 32px 0 6px; }
h4 { font-size: 0.95rem; font-weight: 600; margin: 22px 0 0; }
p { margin: 0 0 12px; max-width: 74ch; }
.kicker, .soft, figcaption { color: var(--soft); }
.kicker { margin: 0 0 4px; font-size: 0.9rem; }
.result { font-size: 1.15rem; line-height: 1.5; margin: 16px 0 12px; }
.soft, figcaption { font-size: 0.88rem; }
.table { container-type: inline-size; margin: 12px 0; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; background: var(--panel); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 0.9rem; }
th, td { padding: 8px 12px; text-align: right; border-bottom: 1px solid var(--line); vertical-align: top; }
td { white-space: nowrap; }
tbody tr:last-child > * { border-bottom: 0; }
thead th { font-weight: 550; color: var(--soft); font-size: 0.82rem; vertical-align: bottom; }
th:first-child { text-align: left; }
tbody th { font-weight: 550; position: sticky; left: 0; background: var(--panel); white-space: nowrap; max-width: 44ch; overflow: hidden; text-overflow: ellipsis; }
.interval { display: block; color: var(--soft); font-size: 0.82rem; font-weight: 400; }
.swatch { vertical-align: 0; margin-right: 8px; flex: none; }
.key { display: flex; flex-wrap: wrap; gap: 2px 16px; list-style: none; padding: 0; margin: 6px 0 0; font-size: 0.85rem; color: var(--soft); }
.key li { display: flex; align-items: center; }
.plots { display: grid; gap: 20px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); margin-top: 16px; }
@media (min-width: 1000px) { .plots { grid-template-columns: 1fr 1fr; } }
.graph { overflow-x: auto; }
.graph svg { margin: 6px auto 0; }
.small { display: grid; gap: 16px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 236px), 1fr)); margin-top: 12px; }
figure { margin: 0; padding: 14px 14px 12px; border: 1px solid var(--line); border-radius: 8px; background: var(--panel); min-width: 0; container-type: inline-size; }
figure svg:not(.swatch) { display: block; max-width: 100%; height: auto; overflow: visible; font-family: system-ui, sans-serif; }
.sizes .more { display: none; }
@container (min-width: 316px) { .sizes.small .more { display: block; } .sizes.small .less { display: none; } }
@container (min-width: 436px) { .sizes.medium .more { display: block; } .sizes.medium .less { display: none; } }
.looks { display: flex; flex-wrap: wrap; gap: 12px 24px; margin-top: 8px; }
.samples { display: block; width: 100%; height: auto; image-rendering: pixelated; }
figcaption { margin-top: 8px; line-height: 1.45; }
.none { color: var(--soft); font-size: 0.88rem; padding: 28px 0; text-align: center; }
.verdict { font-weight: 600; white-space: nowrap; }
.right { color: var(--right); }
.wrong { color: var(--wrong); }
pre, code { font: 0.85rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { overflow-x: auto; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; margin: 8px 0 16px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; margin: 0 0 16px; font-size: 0.92rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
details { margin: 12px 0; }
summary { cursor: pointer; font-weight: 550; font-size: 0.92rem; }
.notes { padding-left: 1.2em; margin: 0; max-width: 74ch; font-size: 0.94rem; }
.notes li { margin-bottom: 6px; overflow-wrap: anywhere; }
${['few', 'some', 'many'].map((size) => `@container (max-width: ${CARDS_BELOW[size]}px) { ${cards(`.${size}`)} }`).join('\n')}
@media (max-width: 560px) {
  main { padding: 24px 16px 48px; }
  h1 { font-size: 1.45rem; }
  h2 { margin-top: 40px; }
  .result { font-size: 1.05rem; }
  figure { padding: 12px 8px 10px; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 8px; }
}
@media print { details:not([open]) > :not(summary) { display: none; } figure { break-inside: avoid; } }
`;
