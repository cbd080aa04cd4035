import { html, Markup } from './escape.js';
import { renderSvg } from './render.js';

/** Sizes that a drawing comes in, by the width that it has at most, in pixels. Text is as large in all of them. */
export const SIZES = {
  small: { total: 205, height: 140, ticks: 3 },
  medium: { total: 322, height: 190, ticks: 4 },
  large: { total: 470, height: 236, ticks: 5 },
} as const;

export type Size = keyof typeof SIZES;

/** Renders a drawing for a page, inside of which the namespace goes without saying. */
const draw = async (spec: object): Promise<Markup> =>
  new Markup((await renderSvg(spec)).replace(/ xmlns(:xlink)?="[^"]*"/g, ''));

/**
 * A drawing in two sizes; the style sheet shows the one that its figure has room for, so that text is never scaled
 * until it cannot be read.
 */
export async function drawInSizes(
  specOf: (size: Size) => object,
  [less, more]: readonly [Size, Size] = ['medium', 'large'],
): Promise<Markup> {
  const [small, large] = [await draw(specOf(less)), await draw(specOf(more))];
  return html`<div class="sizes ${less}"><div class="less">${small}</div><div class="more">${large}</div></div>`;
}
