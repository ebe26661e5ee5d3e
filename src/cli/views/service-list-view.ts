/** Columns of `starling service list`: a line an address. */
import type { AddressState, ServiceAddressReport } from '../../api/service-address-types.ts';
import type { ServiceReport } from '../../api/service-types.ts';
import type { Colour } from '../output/style.ts';
import type { Cell, Column } from '../output/table.ts';

export const STATE_COLOURS: Readonly<Record<AddressState, Colour | undefined>> = {
  advertised: 'green',
  backup: 'green',
  covered: 'green',
  held: 'yellow',
  withheld: 'yellow',
  waiting: undefined,
  no: undefined,
};

/** The state as an answer to: is it advertised? */
const ANSWERS: Readonly<Record<AddressState, string>> = {
  advertised: 'yes',
  backup: 'backup',
  covered: 'by range',
  held: 'held',
  withheld: 'withheld',
  waiting: 'waiting',
  no: 'no',
};

interface ServiceColumn extends Column {
  readonly cell: (service: ServiceReport, address: ServiceAddressReport) => Cell;
}

const BASIC: readonly ServiceColumn[] = [
  { title: 'SERVICE', cell: serviceText },
  { title: 'ADDRESS', cell: (_service, { address }) => address },
  { title: 'KIND', cell: (_service, { kind }) => kind },
  {
    title: 'ADVERTISED',
    cell: (_service, { state }) => ({ text: ANSWERS[state], colour: STATE_COLOURS[state] }),
  },
];

const WIDE: readonly ServiceColumn[] = [
  { title: 'TYPE', cell: ({ type }) => type },
  { title: 'ROUTE', cell: (_service, { prefix, coveredBy }) => prefix ?? coveredBy ?? '-' },
  { title: 'RULE', cell: (_service, { rule }) => rule ?? '-' },
];

/** What matters most stands in the first sentence. */
const SHORT_WHY: ServiceColumn = {
  title: 'WHY',
  cell: (_service, { words }) => /^.*?\.(?= |$)/.exec(words)?.[0] ?? words,
};

const WHY: ServiceColumn = { title: 'WHY', cell: (_service, { words }) => words };

/** Columns, and how a service fills them; one without addresses is a line of its own. */
export function serviceColumns(wide: boolean): {
  readonly columns: readonly Column[];
  readonly toRows: (service: ServiceReport) => readonly (readonly Cell[])[];
} {
  const columns = wide ? [...BASIC, ...WIDE, WHY] : [...BASIC, SHORT_WHY];
  const toRows = (service: ServiceReport): readonly (readonly Cell[])[] =>
    service.addresses.length === 0
      ? [withoutAddress(service, wide)]
      : service.addresses.map((address) => columns.map(({ cell }) => cell(service, address)));
  return { columns, toRows };
}

function withoutAddress(service: ServiceReport, wide: boolean): readonly Cell[] {
  return [serviceText(service), '-', '-', 'no', ...(wide ? [service.type, '-', '-'] : []), 'it has no address'];
}

function serviceText({ namespace, name }: ServiceReport): string {
  return `${namespace}/${name}`;
}
