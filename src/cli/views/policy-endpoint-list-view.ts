/** Columns of `starling policy endpoints`: a line an endpoint. */
import type { EndpointReport, EndpointRulesReport } from '../../api/agent-types.ts';
import type { Cell, Column } from '../output/table.ts';

/** Policies named in a cell; `-o wide` names all. */
const NAMED = 3;

interface EndpointColumn extends Column {
  readonly cell: (endpoint: EndpointReport) => Cell;
}

function columnsOf(wide: boolean): readonly EndpointColumn[] {
  const extra: readonly EndpointColumn[] = [
    { title: 'KIND', cell: ({ kind }) => kind },
    { title: 'NODE', cell: ({ node }) => node ?? '-' },
    { title: 'PROFILES', cell: ({ profiles }) => profiles.map(({ name }) => name).join(',') || '-' },
    { title: 'LABELS', cell: ({ labels }) => labelText({ ...labels.inherited, ...labels.own }) },
  ];
  return [
    { title: 'ENDPOINT', cell: ({ name }) => name },
    { title: 'INTERFACE', cell: interfaceCell },
    { title: 'ADDRESSES', cell: ({ addresses }) => shortList(addresses, wide) },
    { title: 'INGRESS', cell: ({ rules }) => rulesText(rules, 'ingress', wide) },
    { title: 'EGRESS', cell: ({ rules }) => rulesText(rules, 'egress', wide) },
    ...(wide ? extra : []),
  ];
}

export function endpointColumns(wide: boolean): {
  readonly columns: readonly Column[];
  readonly toRows: (endpoint: EndpointReport) => readonly (readonly Cell[])[];
} {
  const columns = columnsOf(wide);
  return { columns, toRows: (endpoint) => [columns.map(({ cell }) => cell(endpoint))] };
}

function interfaceCell({ local }: EndpointReport): Cell {
  if (local === null) return '-';
  const text = local.interface ?? 'none';
  if (local.problem !== null) return { text: `${text} (not enforced)`, colour: 'red' };
  return local.up ? text : { text: `${text} (down)`, colour: 'red' };
}

/** The policies in the order in which they are asked; profiles where there are none. */
function rulesText(rules: EndpointReport['rules'], direction: string, wide: boolean): string {
  // Of a host, what counts for its own traffic is what most people ask for.
  const found = rules?.find((one) => one.direction === direction && isFirst(one));
  if (found === undefined) return '-';
  const policies = found.tiers.flatMap((tier) => tier.policies);
  if (policies.length > 0) return shortList(policies, wide);
  const profiles = found.profiles.map(({ name }) => `profile ${name}`);
  return profiles.length > 0 ? shortList(profiles, wide) : 'nothing passes';
}

function isFirst({ layer }: EndpointRulesReport): boolean {
  return layer === 'workload' || layer === 'host';
}

function shortList(texts: readonly string[], wide: boolean): string {
  if (texts.length === 0) return '-';
  const more = texts.length - NAMED;
  return wide || more <= 0 ? texts.join(', ') : `${texts.slice(0, NAMED).join(', ')} and ${more} more`;
}

export function labelText(labels: Readonly<Record<string, string>>): string {
  const names = Object.keys(labels).sort();
  return names.map((name) => `${name}=${labels[name]}`).join(',') || '-';
}
