/** `starling policy explain`: the verdict first, then each end, then each node that has a say. */
import type { PacketEnd, PolicyExplanation, PolicyStep } from '../../api/agent-types.ts';
import { paint } from '../output/style.ts';
import type { Colour, Style } from '../output/style.ts';
import { formatFields } from '../output/words.ts';

/** How it is shown; `trail`: with all that was looked at. */
interface ExplanationStyle extends Style {
  readonly trail: boolean;
}

const VERDICTS: Readonly<Record<PolicyStep['verdict'], readonly [words: string, colour: Colour]>> = {
  allow: ['allowed', 'green'],
  deny: ['denied', 'red'],
  unpoliced: ['not policed', 'yellow'],
};

export function renderPolicyExplanation(explanation: PolicyExplanation, style: ExplanationStyle): string {
  const { verdict, words, source, destination, steps, notes } = explanation;
  const ends = formatFields(
    [
      ['Packet', packetWords(explanation)],
      ['From', ...endWords(source)],
      ['To', ...endWords(destination)],
    ],
    '',
  );
  return [
    `${paint(verdict === 'allow' ? 'Allowed' : 'Denied', VERDICTS[verdict][1], style)}: ${words}\n`,
    ends,
    ...steps.map((step) => stepWords(step, style)),
    ...(notes.length === 0 ? [] : [`Notes\n${notes.map((note) => `  - ${note}\n`).join('')}`]),
  ].join('\n');
}

function packetWords({ packet }: PolicyExplanation): string {
  const { version, protocol, sourcePort, destinationPort, icmp } = packet;
  return [
    `IPv${version} ${protocol}`,
    ...(destinationPort === null ? [] : [`port ${destinationPort}`]),
    ...(sourcePort === null ? [] : [`from port ${sourcePort}`]),
    ...(icmp === null ? [] : [`type ${icmp.type} code ${icmp.code}`]),
  ].join(' ');
}

function endWords({ words, sets }: PacketEnd): string[] {
  return [words, ...(sets.length === 0 ? [] : [`in ${sets.join(', ')}`])];
}

function stepWords({ direction, endpoint, node, verdict, words, trail }: PolicyStep, style: ExplanationStyle): string {
  const [answer, colour] = VERDICTS[verdict];
  const title = `${direction === 'egress' ? 'Egress' : 'Ingress'}${endpoint === null ? '' : ` of ${endpoint}`}`;
  const where = node === null ? '' : verdict === 'unpoliced' ? `, on ${node}` : `, enforced by ${node}`;
  const looked = style.trail ? trail.map((sentence) => `    ${sentence}\n`).join('') : '';
  return `${paint(title, 'bold', style)}${where}: ${paint(answer, colour, style)}\n  ${words}\n${looked}`;
}
