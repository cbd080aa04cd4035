import { dirname, join } from 'node:path';
import { makeFolder, writeAtomic } from '@foretoken/train';
import { lightColours } from './style.js';

/** Pixels of a PNG for each one of its drawing. */
const SCALE = 2;

// Unlike a browser, a reader outside of one may know none of the names in general.
const FONTS = 'Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif';

/** A drawing in the colours of the light theme on its page, for readers outside of a report. */
const onLight = (svg: string): string =>
  svg
    .replace(/var\(--(\w+)\)/g, (_, name: string) => lightColours.get(name) ?? 'black')
    .replaceAll('system-ui, sans-serif', FONTS)
    .replace(/(<svg[^>]*>)/, `$1<rect width="100%" height="100%" fill="${lightColours.get('panel')}"/>`);

/** A drawing as PNG. @param warn - told when this machine has no fonts, without which it has no text */
async function pngOf(picture: string, name: string, warn: (text: string) => void): Promise<Uint8Array> {
  // Loaded here, so that nothing else needs its binary.
  const { Resvg } = await import('@resvg/resvg-js');
  const text = '<svg xmlns="http://www.w3.org/2000/svg"><text y="9">a</text></svg>';
  if (new Resvg(text).getBBox() === undefined)
    warn(`${name}.png: no font is installed, so it has no text. ${name}.svg has it.`);
  return new Resvg(picture, { fitTo: { mode: 'zoom', value: SCALE } }).render().asPng();
}

/** Writes a drawing to a file, as PNG where its name ends so, else as SVG; makes its folder. */
export async function writePictureFile(
  path: string,
  svg: string,
  warn: (text: string) => void,
): Promise<void> {
  const picture = onLight(svg);
  const isPng = /\.png$/i.test(path);
  makeFolder(dirname(path));
  writeAtomic(path, isPng ? await pngOf(picture, path.slice(0, -4), warn) : `${picture}\n`);
}

/**
 * Writes a drawing as `name.svg` and `name.png`.
 *
 * @param warn - told when this machine has no fonts, without which the PNG has no text
 */
export async function writePicture(
  folder: string,
  name: string,
  svg: string,
  warn: (text: string) => void,
): Promise<void> {
  const picture = onLight(svg);
  writeAtomic(join(folder, `${name}.svg`), `${picture}\n`);
  writeAtomic(join(folder, `${name}.png`), await pngOf(picture, name, warn));
}
