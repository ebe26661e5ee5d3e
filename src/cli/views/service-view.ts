/** `starling service explain`: what matters most first. */
import type { AddressState, ServiceAddressReport } from '../../api/service-address-types.ts';
import type { ServiceAudience, ServiceExplanationReport } from '../../api/service-types.ts';
import { paint } from '../output/style.ts';
import type { Style } from '../output/style.ts';
import { formatTable } from '../output/table.ts';
import { formatFields } from '../output/words.ts';
import { STATE_COLOURS } from './service-list-view.ts';
import { toldWords } from './told-words.ts';

type Address = ServiceExplanationReport['addresses'][number];
type Endpoints = ServiceExplanationReport['endpoints'][number];

/** Peers named in a line, of what may be hundreds that are told the same; `-o wide` names all. */
const NAMED = 3;

const IS_ADVERTISED: ReadonlySet<AddressState> = new Set(['advertised', 'backup', 'covered']);

/** Of the addresses of a service, what somebody may have to do about comes first. */
const ORDER: readonly AddressState[] = ['held', 'withheld', 'advertised', 'backup', 'covered', 'waiting', 'no'];

export function renderService(service: ServiceExplanationReport, style: Style): string {
  const addresses = [...service.addresses].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
  return [
    headline(service, style),
    ...addresses.map((address) => addressWords(address, style)),
    endpointWords(service, style),
    ruleWords(service, style),
    ...(service.merged.length === 0 ? [] : [section('Merged', service.merged, style)]),
  ]
    .filter((paragraph) => paragraph !== '')
    .join('\n');
}

/** What is not as `--expect advertised` wants it; undefined where nothing is. */
export function whyNotAdvertised(service: ServiceExplanationReport): string | undefined {
  const { namespace, name, addresses } = service;
  const passing = addresses.find(({ state }) => state === 'held' || state === 'withheld');
  if (passing !== undefined) return `${passing.address} is not: ${passing.words}`;
  const advertised = addresses.filter(({ state }) => IS_ADVERTISED.has(state));
  if (advertised.some(isTold)) return undefined;
  if (advertised.length > 0) return `no peer was told of ${advertised.map(({ address }) => address).join(', ')}`;
  if (addresses.length === 0) return `${namespace}/${name} has no address`;
  return addresses.map(({ address, words }) => `${address} is not: ${words}`).join('; ');
}

function isTold({ peers }: Address): boolean {
  return peers.some(({ advertised }) => advertised);
}

function headline({ namespace, name, type, addresses }: ServiceExplanationReport, style: Style): string {
  const subject = `${namespace}/${name} (${type})`;
  const advertised = addresses.filter(({ state }) => IS_ADVERTISED.has(state));
  const isToldNobody = advertised.length > 0 && !advertised.some(isTold);
  const count = (state: AddressState, words: string): string[] => {
    const found = addresses.filter((address) => address.state === state).length;
    return found === 0 ? [] : [`${found} ${words}`];
  };
  const words = [
    ...count('held', 'told on though no longer wanted'),
    ...count('withheld', 'withheld'),
    ...count('backup', 'as backup'),
    ...(isToldNobody ? ['but no peer was told'] : []),
  ];
  const verdict =
    addresses.length === 0
      ? 'has no address'
      : `${advertised.length} of ${addresses.length} ${addresses.length === 1 ? 'address' : 'addresses'} advertised`;
  const text = [`${subject}: ${verdict}`, ...words].join(', ');
  return `${paint(`${text}.`, advertised.length === 0 || isToldNobody ? 'red' : 'bold', style)}\n`;
}

function addressWords(address: Address, style: Style): string {
  const { state, rule, words, peers } = address;
  const hasRoute = IS_ADVERTISED.has(state) || state === 'held';
  const [told, untold] = [peers.filter(({ advertised }) => advertised), peers.filter((peer) => !peer.advertised)];
  const title = `${paint(address.address, 'bold', style)}  ${address.kind}  ${paint(stateWords(address), STATE_COLOURS[state], style)}`;
  const fields = formatFields(
    [
      ['why', words],
      ['rule', ...(rule === null ? [] : [rule])],
      ['told to', ...audienceWords(told, style)],
      ['not to', ...audienceWords(untold, style)],
      ...(hasRoute && peers.length === 0 ? [['told to', 'nobody: there is no peer'] as const] : []),
    ],
    '  ',
  );
  return `${title}\n${fields}`;
}

export function stateWords({ state, prefix, coveredBy, until }: ServiceAddressReport): string {
  switch (state) {
    case 'advertised':
      return `advertised as ${prefix}`;
    case 'backup':
      return `advertised as ${prefix}, as backup`;
    case 'covered':
      return `advertised as part of ${coveredBy}`;
    case 'held':
      return `no longer wanted, ${prefix} is told on${until === null ? '' : ` until ${until.time}`}`;
    case 'withheld':
      return 'not advertised: withheld';
    case 'waiting':
      return 'not advertised: waiting for an endpoint';
    case 'no':
      break;
  }
  return 'not advertised';
}

/** Peers with the same answer share a line. */
function audienceWords(peers: readonly ServiceAudience[], { wide }: Style): string[] {
  const groups = new Map<string, string[]>();
  for (const { peer, name, role, told, why } of peers) {
    const terms = told === null ? '' : toldWords(role, told);
    const words = terms === '' || wide ? [terms, why].filter((text) => text !== '').join('; ') : terms;
    const names = groups.get(words) ?? [];
    groups.set(words, [...names, name === null ? peer : `${peer} (${name})`]);
  }
  const lines = [...groups].map(([words, names]) => [wide ? names.join(', ') : shortened(names), words] as const);
  const width = Math.max(0, ...lines.map(([names]) => names.length));
  return lines.map(([names, words]) => `${names.padEnd(width)}  ${words}`);
}

function shortened(names: readonly string[]): string {
  const more = names.length - NAMED;
  return more <= 0 ? names.join(', ') : `${names.slice(0, NAMED).join(', ')} and ${more} more`;
}

function endpointWords({ addresses, endpoints }: ServiceExplanationReport, style: Style): string {
  if (addresses.length === 0) return '';
  if (endpoints.length === 0) return section('Endpoints', ['none: no EndpointSlice is of this service'], style);
  const columns = ['FAMILY', 'THIS NODE', 'THIS ZONE', 'CLUSTER'].map((title) => ({ title }));
  const rows = endpoints.map(({ family, here, zone, cluster }) => [family, here, zone, cluster].map(cellWords));
  return `${paint('Endpoints', 'bold', style)}\n${indented(formatTable(columns, rows, style))}`;
}

function cellWords(value: Endpoints['family'] | Endpoints['here']): string {
  if (typeof value === 'string') return value;
  const { ready, serving, all } = value;
  const terminating = serving === 0 ? '' : `, ${serving} terminating and still serving`;
  return all === 0 ? 'none' : `${ready} of ${all} ready${terminating}`;
}

function ruleWords({ rules }: ServiceExplanationReport, style: Style): string {
  if (rules.length === 0) return '';
  const columns = ['RULE', 'APPLIES', 'WHY'].map((title) => ({ title }));
  const rows = rules.map(({ rule, applies, words }) => [rule, applies ? 'yes' : 'no', words]);
  return `${paint('Rules', 'bold', style)}\n${indented(formatTable(columns, rows, style))}`;
}

function section(title: string, lines: readonly string[], style: Style): string {
  return `${paint(title, 'bold', style)}\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

function indented(text: string): string {
  return text.replace(/^/gm, '  ').replace(/ {2}$/, '');
}
