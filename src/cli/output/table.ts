/** Tables of text: columns two spaces apart, as wide as what stands in them. */
import { paint } from './style.ts';
import type { Colour, Style } from './style.ts';

export interface Column {
  readonly title: string;
  /** Numbers stand to the right. */
  readonly right?: true;
}

export type Cell = string | number | { readonly text: string; readonly colour: Colour | undefined };

/** A table with its header, if that is wanted; no rows make no table. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly Cell[])[], style: Style): string {
  if (rows.length === 0) return '';
  const widths = columnWidths(columns, rows, style);
  return formatHeader(columns, widths, style) + formatRows(columns, rows, widths, style);
}

/** Width of each column. */
export function columnWidths(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  style: Style,
): readonly number[] {
  return columns.map(({ title }, index) =>
    rows.reduce((width, row) => Math.max(width, textOf(row[index]).length), style.headers ? title.length : 0),
  );
}

export function formatHeader(columns: readonly Column[], widths: readonly number[], style: Style): string {
  if (!style.headers) return '';
  const titles = columns.map(({ title }): Cell => ({ text: title, colour: 'bold' }));
  return formatRows(columns, [titles], widths, style);
}

/** Rows with given widths, for tables that are too long to be measured as a whole. */
export function formatRows(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  widths: readonly number[],
  style: Style,
): string {
  return rows.map((row) => `${formatRow(columns, row, widths, style)}\n`).join('');
}

function formatRow(columns: readonly Column[], row: readonly Cell[], widths: readonly number[], style: Style): string {
  const cells = columns.map(({ right }, index) => {
    const cell = row[index];
    const text = textOf(cell);
    const isLast = index === columns.length - 1;
    const padded = right ? text.padStart(widths[index]) : isLast ? text : text.padEnd(widths[index]);
    return typeof cell === 'object' ? padded.replace(text, () => paint(text, cell.colour, style)) : padded;
  });
  return cells.join('  ').trimEnd();
}

function textOf(cell: Cell): string {
  return typeof cell === 'object' ? cell.text : String(cell);
}
