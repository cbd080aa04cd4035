import { html, type Markup } from './escape.js';

/** Above a column. */
export interface Heading {
  readonly title: string;
  /** In small print below it. */
  readonly note?: string;
}

export interface Row {
  /** What the row is about. */
  readonly name: Markup;
  /** One for each further heading. */
  readonly cells: readonly (Markup | string | number)[];
}

/** From this many columns on a table needs the width of a tablet, and of a page. */
const [SOME, MANY] = [5, 9];

const sizeOf = (columns: number): string => (columns < SOME ? 'few' : columns < MANY ? 'some' : 'many');

const note = ({ note: text }: Heading): Markup | string =>
  text === undefined ? '' : html`<span class="interval">${text}</span>`;

/** A table that turns its rows into cards where there is no room for its columns: nothing is cut off. */
export function table(headings: readonly Heading[], rows: readonly Row[]): Markup {
  const [, ...others] = headings;
  const head = headings.map((each) => html`<th scope="col">${each.title}${note(each)}</th>`);
  const body = rows.map(
    ({ name, cells }) =>
      html`<tr role="row"><th scope="row" role="rowheader">${name}</th>${cells.map(
        (cell, at) =>
          html`<td role="cell"${cell === '' || cell === '–' ? html` class="empty"` : ''} data-label="${others[at]?.title ?? ''}"><span>${cell}</span></td>`,
      )}</tr>`,
  );
  return html`<div class="table ${sizeOf(headings.length)}"><div class="scroll"><table role="table"><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div></div>`;
}

/** A figure with its interval below it, from how the terminal writes them: `2.701 [2.690, 2.712]`. */
export function stacked(text: string): Markup | string {
  const [figure = '', interval] = text.split(' [');
  return interval === undefined
    ? figure
    : html`${figure}<span class="interval">${interval.replace(']', '').replace(', ', ' to ')}</span>`;
}
