/** `starling route explain`. */
import type { RouteEntry, RouteExplanation } from '../../api/route-types.ts';
import { paint } from '../output/style.ts';
import type { Colour, Style } from '../output/style.ts';
import { formatDuration } from '../output/words.ts';
import { STATE_COLOURS } from './service-list-view.ts';
import { stateWords } from './service-view.ts';

type Candidate = RouteExplanation['candidates'][number];

const COLOURS: Readonly<Record<Candidate['outcome'], Colour | undefined>> = {
  best: 'green',
  multipath: 'green',
  lost: undefined,
  ineligible: 'yellow',
  rejected: 'red',
};

export function renderExplanation(explanation: RouteExplanation, style: Style): string {
  const paragraphs = [
    headline(explanation, style),
    section(
      'Paths, best first',
      explanation.candidates.map((candidate) => candidateWords(candidate, style)),
      style,
    ),
    section('Advertised to', explanation.match === null ? [] : advertisementWords(explanation, style), style),
    section('Services with this address', serviceWords(explanation, style), style),
    section('In the kernel', kernelWords(explanation), style),
  ];
  return paragraphs.filter((paragraph) => paragraph !== '').join('\n');
}

function headline({ query, match, candidates }: RouteExplanation, style: Style): string {
  const asked = withoutHostLength(query);
  if (match === null) return `${paint(`There is no route to ${asked}.`, 'red', style)}\n`;
  const best = candidates.find(({ outcome }) => outcome === 'best');
  const subject = query === match ? match : `${asked} is covered by ${match}, which`;
  const others = candidates.filter(({ outcome }) => outcome === 'multipath').map(({ route }) => route.nextHop);
  const goes = best === undefined ? 'has no usable path' : `goes ${howItGoes(best.route, others)}`;
  return `${paint(`${subject} ${goes}.`, 'bold', style)}\n`;
}

/** An address that was asked for comes back as a host prefix. */
function withoutHostLength(prefix: string): string {
  return prefix.includes(':') ? prefix.replace(/\/128$/, '') : prefix.replace(/\/32$/, '');
}

/** `others` are the next hops that are used together with that of the best path. */
function howItGoes({ nextHop, peer }: RouteEntry, others: readonly (string | null)[]): string {
  if (others.length > 0) return `via ${[nextHop, ...others].join(', ')}, which share the traffic`;
  const via = nextHop === null ? 'to this node itself' : `via ${nextHop}`;
  if (peer === null) return `${via}, originated here`;
  return nextHop === peer ? via : `${via}, learned from ${peer}`;
}

function section(title: string, lines: readonly string[], style: Style): string {
  if (lines.length === 0) return '';
  return `${paint(title, 'bold', style)}\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

function candidateWords({ route, peer, outcome, step, words }: Candidate, style: Style): string {
  const verdict = paint(outcome, COLOURS[outcome], style);
  const from = peer === null ? 'originated here' : `from ${peer}`;
  const via = route.nextHop === null ? '' : `, next hop ${route.nextHop}`;
  const at = step === null ? '' : `${step}: `;
  return `${verdict}, ${from}${via}\n      ${attributeWords(route)}\n      ${at}${words}`;
}

/** The attributes that the selection looks at, and those that operators put there. */
function attributeWords(route: RouteEntry): string {
  const { asPath, localPref, med, origin, communities, extendedCommunities, largeCommunities, received } = route;
  const all = [...(communities ?? []), ...(extendedCommunities ?? []), ...(largeCommunities ?? [])];
  return [
    asPath === '' ? 'empty AS path' : `AS path ${asPath}`,
    ...(localPref === undefined ? [] : [`local preference ${localPref}`]),
    ...(med === undefined ? [] : [`MED ${med}`]),
    `origin ${origin}`,
    ...(all.length === 0 ? [] : [`communities ${all.join(' ')}`]),
    ...(received === undefined ? [] : [`received ${formatDuration(received.agoSeconds)} ago`]),
  ].join(', ');
}

function advertisementWords({ advertisedTo }: RouteExplanation, style: Style): string[] {
  const names = advertisedTo.map(({ peer, name }) => (name === null ? peer : `${peer} (${name})`));
  const width = Math.max(0, ...names.map(({ length }) => length));
  return advertisedTo.map(({ advertised, why }, index) => {
    const answer = advertised ? paint('yes', 'green', style) : 'no ';
    return `${names[index].padEnd(width)}  ${answer}  ${why}`;
  });
}

/** A line for each service that has the address, and why it is so. */
function serviceWords({ services }: RouteExplanation, style: Style): string[] {
  return services.flatMap((one) => {
    const state = paint(stateWords(one), STATE_COLOURS[one.state], style);
    return [`${one.namespace}/${one.name}  ${one.kind}  ${state}`, `    ${one.words}`];
  });
}

function kernelWords({ fib }: RouteExplanation): string[] {
  if (fib === null) return [];
  const { wanted, installed, words, notes, programming } = fib;
  const differ = wanted.length !== installed.length || wanted.some((hop) => !installed.includes(hop));
  const state = differ
    ? [words, `wanted:    ${wanted.join(', ') || 'nothing'}`, `installed: ${installed.join(', ') || 'nothing'}`]
    : [installed.length === 0 ? words : `${words}: via ${installed.join(', ')}`];
  return [...state, ...notes, ...(programming === null ? [] : [programming])];
}
