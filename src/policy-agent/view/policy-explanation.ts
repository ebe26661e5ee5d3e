/** What becomes of a packet: the same decisions that the kernel's rules take, for whoever asks. */
import type { PolicyExplanation, PolicyStep } from '../../api/agent-types.ts';
import type { PolicyQuestion } from '../../api/agent-view.ts';
import { ICMP, protocolName } from '../../net/protocols.ts';
import type { Packet } from '../../policy/decide.ts';
import { resourceOf } from '../../policy/endpoint-problem.ts';
import type { Endpoint } from '../../policy/endpoint.ts';
import type { IpVersion } from '../../policy/rule.ts';
import { hostNotes } from './host-notes.ts';
import { hostServices } from './host-services.ts';
import { judgeHost, judgeWorkload, step } from './judgement.ts';
import { packetEnds, reportedEnd } from './packet-end.ts';
import type { End, ExplanationInputs } from './packet-end.ts';

/** What is known of the packet where steps are worked out. */
interface Scene extends ExplanationInputs {
  readonly packet: Packet;
  readonly source: End;
  readonly destination: End;
}

/** An echo request, by version of IP. RFC 792, RFC 4443 §4.1. */
const ECHO_REQUEST: Readonly<Record<IpVersion, number>> = { 4: 8, 6: 128 };

/** Throws {@link ApiError} where an end can't be told. */
export function explainPacket(inputs: ExplanationInputs, question: PolicyQuestion): PolicyExplanation {
  const { version, source, destination } = packetEnds(inputs, question.source, question.destination);
  const packet = packetOf(question, version, source, destination);
  const scene: Scene = { ...inputs, packet, source, destination };
  const steps = stepsOf(scene);
  const verdict = steps.some((one) => one.verdict === 'deny') ? 'deny' : 'allow';
  return {
    packet: {
      version,
      protocol: protocolName(packet.protocol),
      sourcePort: packet.sourcePort ?? null,
      destinationPort: packet.destinationPort ?? null,
      icmp: packet.icmp ?? null,
    },
    source: reportedEnd(source, inputs.node),
    destination: reportedEnd(destination, inputs.node),
    verdict,
    words: verdictWords(steps, verdict),
    steps,
    notes: notesOf(scene),
  };
}

function packetOf(question: PolicyQuestion, version: IpVersion, source: End, destination: End): Packet {
  const isIcmp = Object.values(ICMP).includes(question.protocol);
  const { sourcePort, destinationPort, icmp = { type: ECHO_REQUEST[version], code: 0 } } = question;
  return {
    version,
    source: source.address ?? '',
    destination: destination.address ?? '',
    protocol: isIcmp ? ICMP[version] : question.protocol,
    ...(sourcePort !== undefined && { sourcePort }),
    ...(destinationPort !== undefined && { destinationPort }),
    ...(isIcmp && { icmp }),
  };
}

function stepsOf(scene: Scene): PolicyStep[] {
  const { source, destination, node } = scene;
  const closed = [unknownInterface(source, 'egress', node), unknownInterface(destination, 'ingress', node)].flat();
  if (closed.length > 0) return closed;
  if (isSame(source, destination)) {
    const words = 'It does not leave the endpoint, so no policy is asked.';
    return [step('egress', source.endpoint, node, { verdict: 'unpoliced', words })];
  }
  if (isHostOf(source, destination.endpoint)) {
    const words = 'What a host sends to its own workloads is never policed.';
    return [step('ingress', destination.endpoint, undefined, { verdict: 'unpoliced', words })];
  }
  if (isHostOf(destination, source.endpoint)) return toOwnHost(scene);
  return [...sideOf(source, 'egress', scene), ...sideOf(destination, 'ingress', scene)];
}

function unknownInterface({ query, address }: End, direction: PolicyStep['direction'], node: string): PolicyStep[] {
  if (address !== undefined) return [];
  const words = `Interface ${query} has the name of a workload's, and no workload is known at it: nothing passes.`;
  return [step(direction, undefined, node, { verdict: 'deny', words })];
}

function isSame(source: End, destination: End): boolean {
  if (source.isHost && destination.isHost) return true;
  return source.endpoint !== undefined && source.endpoint === destination.endpoint;
}

/** Whether an end is the host that a workload is on. */
function isHostOf({ isHost, endpoint }: End, workload: Endpoint | undefined): boolean {
  if (workload?.kind !== 'workload') return false;
  if (isHost) return workload.local !== undefined;
  return endpoint?.kind === 'host' && endpoint.node !== undefined && endpoint.node === workload.node;
}

/** From a workload to the host itself: HostEndpoints are not asked. */
function toOwnHost({ engine, packet, source, node }: Scene): PolicyStep[] {
  const workload = source.endpoint!;
  const service = hostServices(packet, engine.settings);
  if (service !== undefined && workload.local?.up !== false) {
    const words = `A host answers its workloads' ${service} whatever policies say.`;
    return [step('egress', workload, node, { verdict: 'unpoliced', words })];
  }
  const egress = judgeWorkload(engine, workload, 'egress', packet);
  if (egress.verdict === 'deny' || engine.settings.endpointToHost !== 'Drop') return [egress];
  const words = 'What workloads send to their host is dropped (defaultEndpointToHostAction).';
  const host = workload.local === undefined ? workload.node : node;
  return [egress, { ...step('ingress', undefined, host, { verdict: 'deny', words }), enforcedHere: host === node }];
}

/** What one end has a say in; nothing where it is neither a workload nor a host with a HostEndpoint. */
function sideOf({ endpoint, isHost }: End, direction: PolicyStep['direction'], scene: Scene): PolicyStep[] {
  const { engine, packet, node } = scene;
  if (endpoint?.kind === 'workload') return [judgeWorkload(engine, endpoint, direction, packet)];
  if (endpoint?.kind === 'host') return [judgeHost(engine, endpoint, direction, packet)];
  if (!isHost) return [];
  const words = 'No HostEndpoint is for the interface with this address, so no policy is asked.';
  return [step(direction, undefined, node, { verdict: 'unpoliced', words })];
}

function verdictWords(steps: readonly PolicyStep[], verdict: PolicyExplanation['verdict']): string {
  const found = steps.filter((one) => one.verdict === verdict);
  if (found.length === 0) {
    return steps.length === 0
      ? 'neither end is an endpoint that is known, so no policy is asked.'
      : 'no policy is asked.';
  }
  const who = found.map(({ direction, endpoint, node }) =>
    endpoint === null ? `node ${node}` : `the ${direction} of ${endpoint}`,
  );
  const verb = verdict === 'deny' ? 'den' : 'allow';
  const ending = found.length === 1 ? { den: 'ies', allow: 's' }[verb] : { den: 'y', allow: '' }[verb];
  return `${who.join(' and ')} ${verb}${ending} it.`;
}

function notesOf(scene: Scene): string[] {
  const { source, destination } = scene;
  const ends = source.endpoint === destination.endpoint ? [source] : [source, destination];
  return [
    ...source.notes,
    ...destination.notes,
    ...ends.flatMap(({ endpoint }) => (endpoint === undefined ? [] : problemNotes(endpoint, scene))),
    ...hostNotes(scene),
  ];
}

/** What keeps an endpoint from being enforced as it is written. */
function problemNotes(endpoint: Endpoint, { engine }: Scene): string[] {
  const { kind, namespace, name } = resourceOf(endpoint);
  return engine.problems
    .filter((one) => one.kind === kind && one.namespace === namespace && one.name === name)
    .map(({ message }) => `${endpoint.key.replace(' /', ' ')}: ${message}.`);
}
