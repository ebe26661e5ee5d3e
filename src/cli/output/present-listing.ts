/** Shows a listing that may be very long, page by page. */
import type { CommandContext } from '../command.ts';
import { repeat } from './present.ts';
import { styleOf } from './style.ts';
import type { Style } from './style.ts';
import { columnWidths, formatHeader, formatRows } from './table.ts';
import type { Cell, Column } from './table.ts';

/** Entries asked for in one request. A listing that fits is sorted; a longer one comes in the daemon's order. */
const PAGE_SIZE = 10_000;

type Field = 'routes' | 'services' | 'policies' | 'endpoints';

type Answer<T> = { readonly nextCursor: string | null } & { readonly [name in Field]?: T[] };

export interface Listing<T> {
  readonly path: string;
  /** Field of the answer that holds the entries, beside `nextCursor`. */
  readonly field: Field;
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly columns: readonly Column[];
  readonly toRows: (entry: T) => readonly (readonly Cell[])[];
  /** Where there is more to say than fits a row: the text of an entry, in place of the table. */
  readonly paragraph?: (entry: T, style: Style) => string;
  /** Absent: it comes in order. */
  readonly compare?: (a: T, b: T) => number;
}

interface Page<T> {
  readonly entries: readonly T[];
  readonly first: boolean;
}

/** Shows all entries, with `--watch` again and again. Returns how many there were the last time. */
export async function presentListing<T>(context: CommandContext, listing: Listing<T>): Promise<number> {
  let count = 0;
  await repeat(context, async () => {
    count = 0;
    const writer = createWriter(context, listing);
    for await (const page of pages(context, listing)) {
      await context.io.write(await writer.page(page));
      count += page.entries.length;
    }
    await context.io.write(writer.end(count));
  });
  return count;
}

async function* pages<T>(context: CommandContext, listing: Listing<T>): AsyncGenerator<Page<T>> {
  let cursor: string | null | undefined;
  do {
    const query = { ...listing.query, limit: PAGE_SIZE, cursor: cursor ?? undefined };
    const answer = await context.client.get<Answer<T>>(listing.path, query);
    const entries = answer[listing.field] ?? [];
    const first = cursor === undefined;
    cursor = answer.nextCursor;
    if (first && cursor === null && listing.compare !== undefined) entries.sort(listing.compare);
    yield { entries, first };
  } while (cursor !== null);
}

interface PageWriter<T> {
  page(page: Page<T>): string | Promise<string>;
  end(count: number): string;
}

function createWriter<T>(context: CommandContext, listing: Listing<T>): PageWriter<T> {
  const { output } = context.options;
  if (output === 'json') return jsonWriter(listing.field);
  if (output === 'yaml') return yamlWriter(listing.field);
  return listing.paragraph === undefined
    ? tableWriter(context, listing)
    : textWriter(styleOf(context), listing.paragraph);
}

/** One entry a line, so that a full table needs no more memory than a page. */
function jsonWriter<T>(field: Field): PageWriter<T> {
  return {
    page: ({ entries, first }) => {
      const lines = entries.map((entry) => JSON.stringify(entry)).join(',\n');
      if (first) return `{"${field}": [\n${lines}`;
      return lines === '' ? '' : `,\n${lines}`;
    },
    end: () => '\n]}\n',
  };
}

function yamlWriter<T>(field: Field): PageWriter<T> {
  return {
    page: async ({ entries, first }) => {
      const { stringify } = await import('yaml');
      return (first && entries.length > 0 ? `${field}:\n` : '') + (entries.length > 0 ? stringify(entries) : '');
    },
    end: (count) => (count === 0 ? `${field}: []\n` : ''),
  };
}

function textWriter<T>(style: Style, paragraph: (entry: T, style: Style) => string): PageWriter<T> {
  return {
    page: ({ entries, first }) => {
      const text = entries.map((entry) => paragraph(entry, style)).join('\n');
      return first || text === '' ? text : `\n${text}`;
    },
    end: () => '',
  };
}

/** The first page decides how wide the columns are. */
function tableWriter<T>(context: CommandContext, { columns, toRows }: Listing<T>): PageWriter<T> {
  const style = styleOf(context);
  let widths: readonly number[] = [];
  return {
    page: ({ entries, first }) => {
      if (entries.length === 0) return '';
      const rows = entries.flatMap(toRows);
      if (first) widths = columnWidths(columns, rows, style);
      return (first ? formatHeader(columns, widths, style) : '') + formatRows(columns, rows, widths, style);
    },
    end: () => '',
  };
}
