import type { Spec as VegaSpec } from 'vega';
import type { TopLevelSpec } from 'vega-lite';

// Colours are CSS variables, so that a drawing made once follows the theme of whoever reads it.
const config = {
  background: 'transparent',
  font: 'system-ui, sans-serif',
  aria: false,
  view: { stroke: null },
  axis: {
    labelColor: 'var(--soft)',
    titleColor: 'var(--soft)',
    gridColor: 'var(--grid)',
    domainColor: 'var(--line)',
    tickColor: 'var(--line)',
    labelFontSize: 13,
    titleFontSize: 13,
    titleFontWeight: 'normal',
    titlePadding: 8,
    labelFlush: false,
  },
} as const;

/** Renders a drawing of Vega-Lite to SVG, without a browser. */
export async function renderSvg(spec: object): Promise<string> {
  // Loaded here: most commands draw nothing, and these are many files.
  const [vega, { compile }] = [await import('vega'), await import('vega-lite')];
  const { spec: compiled } = compile({ ...spec, config } as unknown as TopLevelSpec);
  const view = new vega.View(vega.parse(compiled as VegaSpec), { renderer: 'none', logLevel: vega.Error });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
