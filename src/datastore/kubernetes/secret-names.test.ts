import { expect, it } from 'vitest';
import type { RawItem } from '../raw-item.ts';
import { SecretNames } from './secret-names.ts';

const peer = (key: string, asNumber: unknown, secret: string): RawItem => ({
  key,
  place: `BGPPeer/${key}`,
  value: {
    apiVersion: 'projectcalico.org/v3',
    kind: 'BGPPeer',
    metadata: { name: key },
    spec: { peerIP: '192.0.2.1', asNumber, password: { secretKeyRef: { name: secret, key: 'k' } } },
  },
});

it('names the Secrets of a bad object as those of its last good state, which is in force', () => {
  const names = new SecretNames();
  names.replace('BGPPeer', [peer('a', 1, 'one'), peer('b', 1, 'two')]);
  expect([names.complete, ...names.all]).toEqual([false, 'one', 'two']);
  names.put('BGPPeer', peer('a', 'many', 'other'));
  expect(names.all).toEqual(['one', 'two']);
  names.replace('BGPPeer', [peer('a', 'many', 'other')]);
  expect(names.all).toEqual(['one']);
  names.delete('BGPPeer', 'a');
  expect(names.all).toEqual([]);
});
