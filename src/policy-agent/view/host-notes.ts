/** What policies of HostEndpoints say of a packet beside those of its ends: which are asked depends on the way that it takes. */
import type { Packet } from '../../policy/decide.ts';
import type { Endpoint } from '../../policy/endpoint.ts';
import type { Layer } from '../../policy/model.ts';
import type { Direction } from '../../policy/rule.ts';
import { askPolicies, decisionWords } from './judgement.ts';
import { hostOwners } from './packet-end.ts';
import type { End, ExplanationInputs } from './packet-end.ts';

interface Passage extends ExplanationInputs {
  readonly packet: Packet;
  readonly source: End;
  readonly destination: End;
}

/** A sentence for each HostEndpoint of this node, layer and direction that may have a say. */
export function hostNotes(passage: Passage): string[] {
  const { engine, interfaces, source, destination, packet } = passage;
  if (source.address === undefined || destination.address === undefined) return [];
  const notes = new Set<string>();
  for (const [name, owner] of hostOwners(engine, interfaces) ?? []) {
    for (const [layer, direction] of layersOf(passage)) {
      const { tiers } = engine.rulesOf(owner, direction, layer);
      if (tiers.length === 0) continue;
      const { verdict, by } = askPolicies(engine, owner, direction, layer, packet);
      notes.add(`${placeWords(layer, direction, name, owner)}: ${decisionWords(by, verdict, direction, engine)}`);
    }
  }
  return [...notes];
}

/** What a packet between these ends may meet at an interface of this host. */
function layersOf({ source, destination }: Passage): (readonly [Layer, Direction])[] {
  const layers: (readonly [Layer, Direction])[] = [];
  const [isFromHere, isToHere] = [source, destination].map((end) => end.isHost || end.endpoint?.local !== undefined);
  if (isFromHere && isToHere) return [];
  // Those of a host that is an end itself are asked in the step of that end.
  if (isToHere && !destination.isHost)
    layers.push(['untracked', 'ingress'], ['preDNAT', 'ingress'], ['forward', 'ingress']);
  if (isFromHere && !source.isHost) layers.push(['forward', 'egress']);
  return layers;
}

const LAYER_WORDS: Readonly<Record<Layer, string>> = {
  workload: '',
  host: '',
  forward: 'its policies for forwarded packets (applyOnForward)',
  preDNAT: 'its policies before addresses are translated (preDNAT)',
  untracked: 'its policies before connection tracking (doNotTrack)',
};

function placeWords(layer: Layer, direction: Direction, interfaceName: string, { name }: Endpoint): string {
  const way = direction === 'ingress' ? 'comes in' : 'leaves';
  const where = interfaceName === '*' ? 'at an interface without one of its own' : `at ${interfaceName}`;
  return `Where it ${way} ${where}, HostEndpoint ${name} asks ${LAYER_WORDS[layer]}`;
}
