import { describe, expect, it } from 'vitest';
import { encodeAttributes } from '../bgp/messages/attributes/attribute-codec.ts';
import { PLAIN_ATTRIBUTES } from '../bgp/messages/attributes/attributes.ts';
import { parseU32 } from '../net/address.ts';
import { isReflected, mayTell, reflectionLoop, sourceOf } from './reflection.ts';
import type { PeerKind } from './reflection.ts';
import { SOURCE_LOCAL, SOURCE_WORKLOAD } from './route-source.ts';
import type { RouteSource } from './route-source.ts';

const KINDS = ['external', 'internal', 'client'] as const;

describe('who is told what (RFC 4456 §6)', () => {
  it.each<[from: PeerKind, told: readonly PeerKind[], reflected: readonly PeerKind[]]>([
    ['external', ['external', 'internal', 'client'], []],
    ['internal', ['external', 'client'], ['internal', 'client']],
    ['client', ['external', 'internal', 'client'], ['internal', 'client']],
  ])('a route of an %s peer', (from, told, reflected) => {
    const source = sourceOf(from);
    expect(KINDS.filter((to) => mayTell(source, to))).toEqual(told);
    expect(KINDS.filter((to) => isReflected(source, to))).toEqual(reflected);
  });

  it.each<RouteSource>([SOURCE_LOCAL, SOURCE_WORKLOAD])('a route of this router itself, %i', (source) => {
    expect(KINDS.filter((to) => mayTell(source, to))).toEqual(KINDS);
    expect(KINDS.filter((to) => isReflected(source, to))).toEqual([]);
  });
});

describe('a loop of reflection (RFC 4456 §8)', () => {
  const self = { routerId: parseU32('10.0.0.1'), clusterId: parseU32('1.1.1.1') };

  function loop(originatorId: string | undefined, clusterList: readonly string[]): string | undefined {
    const attributes = {
      ...PLAIN_ATTRIBUTES,
      nextHop: '192.0.2.1',
      clusterList,
      ...(originatorId !== undefined && { originatorId }),
    };
    const block = encodeAttributes(attributes, 0);
    const route = {
      originatorId: originatorId === undefined ? 0 : parseU32(originatorId),
      clusterListLength: clusterList.length,
    };
    return reflectionLoop(block, 0, block.length, route, self);
  }

  it.each([
    ['none', undefined, [], undefined],
    ['by others', '10.0.0.2', ['2.2.2.2', '3.3.3.3'], undefined],
    ['by a cluster with the number of this router', '10.0.0.2', ['10.0.0.1'], undefined],
    ['of its own route', '10.0.0.1', ['2.2.2.2'], 'ORIGINATOR_ID 10.0.0.1 is our router id'],
    ['through its cluster', '10.0.0.2', ['2.2.2.2', '1.1.1.1'], 'CLUSTER_LIST holds our cluster id 1.1.1.1'],
  ])('%s', (_what, originatorId, clusterList, words) => {
    expect(loop(originatorId, clusterList)).toBe(words);
  });
});
