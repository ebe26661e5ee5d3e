/** Columns of `starling route list`. */
import type { RouteEntry, RouteViewName } from '../../api/route-types.ts';
import type { Cell, Column } from '../output/table.ts';
import { formatDuration } from '../output/words.ts';

interface RouteColumn extends Column {
  readonly cell: (route: RouteEntry) => Cell;
}

const BASIC: readonly RouteColumn[] = [
  { title: '', cell: mark },
  { title: 'PREFIX', cell: ({ prefix }) => prefix },
  { title: 'NEXT-HOP', cell: ({ nextHop }) => nextHop ?? 'self' },
  { title: 'PEER', cell: ({ peer, origination }) => peer ?? origination ?? 'local' },
  { title: 'LOCAL-PREF', right: true, cell: ({ localPref }) => localPref ?? '-' },
  { title: 'MED', right: true, cell: ({ med }) => med ?? '-' },
  { title: 'AS-PATH', cell: ({ asPath }) => asPath || '-' },
  { title: 'ORIGIN', cell: ({ origin }) => origin },
];

const WIDE: readonly RouteColumn[] = [
  { title: 'SOURCE', cell: ({ source, origination }) => origination ?? source },
  {
    title: 'AGE',
    right: true,
    cell: ({ received }) => (received === undefined ? '-' : formatDuration(received.agoSeconds)),
  },
  { title: 'COMMUNITIES', cell: communities },
  { title: 'OTHER', cell: otherAttributes },
];

const PATH_ID: RouteColumn = { title: 'PATH-ID', right: true, cell: ({ pathId }) => pathId ?? '-' };

const REASON: RouteColumn = { title: 'REJECTED-BY', cell: ({ rejectedReason }) => rejectedReason ?? '-' };

/** Columns of a view of routes, and how a route fills them. */
export function routeColumns(
  view: RouteViewName,
  wide: boolean,
): { columns: readonly Column[]; toRows: (route: RouteEntry) => readonly (readonly Cell[])[] } {
  const columns = [
    ...BASIC,
    ...(wide || view === 'advertised' ? [PATH_ID] : []),
    ...(wide ? WIDE : []),
    ...(view === 'rejected' ? [REASON] : []),
  ];
  return { columns, toRows: (route) => [columns.map(({ cell }) => cell(route))] };
}

/** `*` best, `=` used beside the best, `S` stale. */
function mark({ best, multipath, stale }: RouteEntry): string {
  return `${stale === true ? 'S' : ''}${best ? '*' : multipath ? '=' : ''}`;
}

function communities({ communities = [], extendedCommunities = [], largeCommunities = [] }: RouteEntry): string {
  return [...communities, ...extendedCommunities, ...largeCommunities].join(' ') || '-';
}

function otherAttributes({ originatorId, clusterList, otherAttributes = [] }: RouteEntry): string {
  const reflection = [
    originatorId === undefined ? [] : [`originator ${originatorId}`],
    clusterList === undefined ? [] : [`clusters ${clusterList.join(' ')}`],
  ].flat();
  return [...reflection, ...otherAttributes].join(', ') || '-';
}
