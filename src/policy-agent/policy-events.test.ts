import { expect, it } from 'vitest';
import type { Endpoint } from '../policy/endpoint.ts';
import type { LocalWorkload, ModelChanges } from '../policy/model.ts';
import type { Policy } from '../policy/policy.ts';
import { PolicyEvents } from './policy-events.ts';

function changesOf(changes: Partial<ModelChanges>): ModelChanges {
  const none = { policies: new Map(), profiles: new Map(), rules: new Map(), workloads: new Map(), hosts: new Map() };
  return { sets: [], ...none, departed: [], settings: undefined, ...changes };
}

function policy(name: string): Policy {
  const sides = { ingress: [], egress: undefined };
  return {
    key: `${name}/x/NetworkPolicy`,
    kind: 'NetworkPolicy',
    namespace: 'x',
    name,
    tier: 'default',
    order: 1,
    scope: 'normal',
    selector: 'all()',
    ...sides,
  };
}

function workload(name: string): LocalWorkload {
  return { interfaceName: `cali-${name}`, endpoint: `Pod x/${name}`, ingress: 'i', egress: 'e', spoofable: [] };
}

function eventsOf() {
  const told: string[] = [];
  const endpoint = (key: string): Endpoint => {
    const base = { kind: 'workload', labels: {}, profiles: [], addresses: [], ports: [] } as const;
    return { ...base, key, name: key.replace('Pod ', '') };
  };
  const events = new PolicyEvents({
    add: (type, subject, words) => told.push(`${type} ${subject}: ${words}`),
    node: 'node-1',
    endpoint,
  });
  return { events, told };
}

it('tells at first how much is in force, and then what comes, changes and goes', () => {
  const { events, told } = eventsOf();
  const [p, a] = [policy('p'), workload('a')];
  events.inForce(changesOf({ policies: new Map([[p.key, p]]), workloads: new Map([['cali-a', a]]) }));
  events.inForce(changesOf({ policies: new Map([[p.key, p]]), workloads: new Map([['cali-b', workload('b')]]) }));
  // Another policy is for it.
  events.inForce(changesOf({ workloads: new Map([['cali-a', { ...a, ingress: 'j' }]]) }));
  events.inForce(changesOf({ policies: new Map([[p.key, undefined]]), workloads: new Map([['cali-a', undefined]]) }));
  expect(told).toEqual([
    'policy node-1: in force: 1 policy for 1 workload and 0 HostEndpoints of this node',
    'endpoint x/b: policies for it are in force at cali-b',
    'policy NetworkPolicy x/p: changed, and in force as it is now',
    'endpoint x/a: gone from cali-a',
    'policy NetworkPolicy x/p: no longer in force on this node',
  ]);
});

it('counts what comes in crowds', () => {
  const { events, told } = eventsOf();
  events.inForce(changesOf({}));
  const policies = new Map(Array.from({ length: 100 }, (_, i) => [`p${i}/x/NetworkPolicy`, policy(`p${i}`)]));
  events.inForce(changesOf({ policies }));
  expect(told.slice(1)).toEqual(['policy node-1: 100 policies came into force, changed or went']);
});
