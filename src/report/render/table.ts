import { type Html, html, NONE } from '../html.ts';

export interface TableColumn {
  readonly name: string;
  /** How its cells are set. @default 'text' */
  readonly kind?: 'number' | 'time' | 'code' | 'bar' | 'long' | 'text';
}

/** Rows under their heads, in a box that scrolls for itself where the page is too narrow. */
export function table(caption: string, columns: readonly TableColumn[], rows: readonly (readonly Html[])[]): Html {
  const heads = columns.map(({ name, kind = 'text' }) => html`<th scope="col" class="${kind}">${name}</th>`);
  const body = rows.map(
    (cells) =>
      html`<tr>${cells.map((cell, index) => html`<td class="${columns[index]?.kind ?? 'text'}">${cell}</td>`)}</tr>`,
  );
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${caption}"><table><caption>${caption}</caption><thead><tr>${heads}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** The numbers of a picture, behind a line that opens them. */
export function numbers(of: string, columns: readonly TableColumn[], rows: readonly (readonly Html[])[]): Html {
  return html`<details><summary>Numbers: ${of}</summary>${table(of, columns, rows)}</details>`;
}

/** What is left out of a list that is cut. */
export function leftOut(shown: number, all: number, noun: string): Html {
  return shown >= all ? NONE : html`<p class="note">The first ${shown} of ${all.toLocaleString('en-US')} ${noun}.</p>`;
}

/** A part of the page. */
export function section(id: string, title: string, ...content: readonly Html[]): Html {
  return html`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${content}</section>`;
}

export function cell(text: string | number): Html {
  return html`${text}`;
}
