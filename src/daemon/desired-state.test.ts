import { describe, expect, it } from 'vitest';
import { accepts } from '../../test/support/policy-asking.ts';
import { ServiceLabels } from '../advertiser/service-labels.ts';
import { DRAIN_STAGES, drainEffects } from '../advertiser/drain.ts';
import { applyChanges, clusterView } from '../resources/cluster-view.ts';
import type { ClusterView } from '../resources/cluster-view.ts';
import type { AnyResource } from '../resources/kinds.ts';
import { parseResource } from '../resources/parse-resource.ts';
import { DesiredStateComputer, desiredState } from './desired-state.ts';
import type { DesiredState } from './desired-state.ts';

function resource(kind: string, name: string, spec: object, labels: Record<string, string> = {}): AnyResource {
  const parsed = parseResource({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name, labels }, spec });
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join());
  return parsed.resource;
}

const node = (i: number, labels = {}, as?: number) =>
  resource(
    'Node',
    `node-${i}`,
    { bgp: { ipv4Address: `10.0.0.${i}/24`, ...(as !== undefined && { asNumber: as }) } },
    labels,
  );
const affinity = (i: number, block: string) =>
  resource('BlockAffinity', `node-${i}-${block}`, {
    state: 'confirmed',
    node: `node-${i}`,
    cidr: `10.1.${block}.0/26`,
  });
const pool = (vxlanMode: string) => resource('IPPool', 'pool', { cidr: '10.1.0.0/16', vxlanMode });

const IDENTITY = { name: 'node-1', namespace: 'kube-system' };
const INPUTS = {
  workloads: [],
  kernel: { felix: 'absent' as const },
  services: { labels: new ServiceLabels(), peerSelectors: [], strict: true },
};

class Follower {
  private readonly computer = new DesiredStateComputer();
  private view: ClusterView;
  state: DesiredState;

  constructor(resources: readonly AnyResource[]) {
    this.view = clusterView(resources);
    this.state = this.compute();
  }

  /** Applies changed resources; gives the states before and after, of which the latter is as if it was worked out anew. */
  change(...resources: AnyResource[]): { before: DesiredState; after: DesiredState } {
    const before = this.state;
    this.view = applyChanges(
      this.view,
      resources.map((changed) => ({ type: 'upsert', resource: changed })),
    );
    this.state = this.compute();
    expect(plain(this.state)).toEqual(plain(desiredState(this.view, IDENTITY, INPUTS)));
    return { before, after: this.state };
  }

  private compute(): DesiredState {
    return this.computer.compute(this.view, IDENTITY, { ...INPUTS, workloads: NONE });
  }
}

const NONE: readonly never[] = [];

/** Without the code in it. */
function plain({ neighbours, policiesOf: _policiesOf, ...rest }: DesiredState): unknown {
  const keys = [...neighbours.values()].map(({ neighbour, policies }) => [
    neighbour,
    policies.import.key,
    policies.export.key,
  ]);
  return { keys, ...rest };
}

const cluster = () => [
  ...Array.from({ length: 9 }, (_, i) => node(i + 1)),
  affinity(1, '1'),
  affinity(2, '2'),
  pool('Always'),
];

describe('DesiredStateComputer', () => {
  it('gives the very same answer where nothing that counts has changed', () => {
    const follower = new Follower(cluster());
    expect(follower.state.neighbours.size).toBe(8);
    const { before, after } = follower.change(node(3, { heartbeat: '2' }), resource('BGPFilter', 'unused', {}));
    expect(after).toBe(before);
  });

  it('keeps what a change is not about', () => {
    const follower = new Follower(cluster());
    const one = follower.change(node(3, {}, 64599));
    expect(one.after.neighbours.get('10.0.0.3')).not.toBe(one.before.neighbours.get('10.0.0.3'));
    expect(one.after.neighbours.get('10.0.0.4')).toBe(one.before.neighbours.get('10.0.0.4'));
    expect(one.after.advertisement).toBe(one.before.advertisement);
    const other = follower.change(affinity(2, '7'));
    expect(other.after.neighbours).toBe(other.before.neighbours);
  });

  it('follows blocks, pools and filters', () => {
    const peer = (filters: string[]) => resource('BGPPeer', 'tor', { peerIP: '192.0.2.1', asNumber: 64513, filters });
    const follower = new Follower([...cluster(), peer(['f'])]);
    const block = follower.change(affinity(1, '9'));
    expect(block.after.advertisement.routes).toHaveLength(2);
    expect(block.after.neighbours.get('10.0.0.4')).not.toBe(block.before.neighbours.get('10.0.0.4'));
    const rules = { importV4: [{ action: 'Reject', matchOperator: 'In', cidr: '10.9.0.0/16' }] };
    const filter = follower.change(resource('BGPFilter', 'f', rules));
    expect(filter.after.problems).not.toEqual(filter.before.problems);
    expect(filter.after.neighbours.get('192.0.2.1')?.policies).not.toBe(
      filter.before.neighbours.get('192.0.2.1')?.policies,
    );
    expect(filter.after.neighbours.get('10.0.0.4')).toBe(filter.before.neighbours.get('10.0.0.4'));
    const plainPool = follower.change(pool('Never'));
    expect(plainPool.after.routing?.vxlan).toEqual([]);
  });

  it('follows addresses of nodes into tunnels, and nodes that go', () => {
    const follower = new Follower(cluster());
    const moved = resource('Node', 'node-3', { bgp: { ipv4Address: '10.0.0.33/24' } });
    const { after } = follower.change(moved);
    expect(after.routing?.vxlan[0].peers.map(({ address }) => address)).toContain('10.0.0.33');
    expect([...after.neighbours.keys()]).toContain('10.0.0.33');
  });

  it('follows whether services are as in Calico, and whether its labels keep the node out', () => {
    const follower = new Follower([
      ...cluster(),
      resource('BGPConfiguration', 'default', { serviceClusterIPs: [{ cidr: '10.96.0.0/12' }] }),
    ]);
    expect(follower.state.routing?.closesServices).toBe(true);
    const { before, after } = follower.change(
      node(1, { 'node.kubernetes.io/exclude-from-external-load-balancers': 'true' }),
    );
    const passesOn = ({ neighbours }: DesiredState) =>
      accepts(neighbours.get('10.0.0.2')!.policies.export, '10.96.0.10/32');
    expect([passesOn(before), passesOn(after)]).toEqual([true, false]);
    const mended = desiredState(clusterView(cluster()), IDENTITY, { workloads: [], kernel: INPUTS.kernel });
    expect(mended.routing?.closesServices).toBe(false);
  });

  it('takes from a drain what is told of routes, and which are', () => {
    const inputs = { ...INPUTS, workloads: [{ family: 0, words: [0x0a010505, 0, 0, 0], length: 32 }] } as const;
    const view = clusterView([...cluster(), affinity(1, '5')]);
    const computer = new DesiredStateComputer();
    const stages = DRAIN_STAGES.map((stage) => {
      const { advertisement, neighbours, withheld } = computer.compute(view, IDENTITY, {
        ...inputs,
        drain: drainEffects(stage),
      });
      const { key } = neighbours.get('10.0.0.2')!.policies.export;
      return { routes: advertisement.routes.length, blocks: advertisement.blocks.length, key, withheld };
    });
    const [serving, announced, withoutServices, withdrawn] = stages;
    expect(serving).toMatchObject({ routes: 2, blocks: 2, withheld: undefined });
    expect(announced.key).not.toBe(serving.key);
    expect(withoutServices).toEqual({ ...serving, key: announced.key });
    // Policies go on as with the blocks: what others tell of them is not let in, nor passed on.
    expect(withdrawn).toEqual({ routes: 0, blocks: 2, key: announced.key, withheld: 'the node is drained' });
  });
});
