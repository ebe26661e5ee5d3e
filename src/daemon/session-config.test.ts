import { describe, expect, it } from 'vitest';
import { wantedNeighbour } from '../../test/support/wanted-neighbour.ts';
import { localOpen } from '../bgp/fsm/local-open.ts';
import type { Neighbour } from '../peering/neighbour.ts';
import { changeableConfig, passwords, sessionConfig } from './session-config.ts';

const NEIGHBOUR = wantedNeighbour({ addPaths: { send: true, receive: false } });
const RESTART = { restarting: true, forwarding: true };

function configOf(fields: Partial<Neighbour>) {
  return sessionConfig({ ...NEIGHBOUR, ...fields }, { routerId: 1, clusterId: 1 }, RESTART);
}

/** The graceful-restart capability that is announced. */
function restartOf(gracefulRestartMode: Neighbour['gracefulRestartMode']) {
  const { capabilities } = localOpen(configOf({ gracefulRestartMode }));
  return capabilities.find(({ name }) => name === 'graceful-restart');
}

describe('a session', () => {
  it('announces graceful restart as asked for', () => {
    expect(restartOf('full')).toMatchObject({ restarting: true, restartTime: 120, families: [{ forwarding: true }] });
    expect(restartOf('helper')).toMatchObject({ restarting: false, families: [] });
    expect(restartOf('off')).toBeUndefined();
  });

  it('offers several paths in the directions asked for', () => {
    expect(configOf({}).addPaths).toEqual({ send: true, receive: false });
  });

  it('waits between attempts as long as it is told, and for ten seconds at most by itself', () => {
    expect(configOf({}).connectRetryTime).toBe(10);
    expect(changeableConfig({ ...NEIGHBOUR, connectRetryTime: 5, passive: true }, RESTART)).toMatchObject({
      connectRetryTime: 5,
      passive: true,
    });
  });

  it('has no, one or two passwords, of which the second may follow', () => {
    const password = { kind: 'known', value: 'a' } as const;
    expect(passwords(NEIGHBOUR)).toEqual([]);
    expect(passwords({ ...NEIGHBOUR, password })).toEqual(['a']);
    expect(configOf({ password, nextPassword: 'b' })).toMatchObject({ password: 'a', nextPassword: 'b' });
    expect(passwords({ ...NEIGHBOUR, password, nextPassword: 'a' })).toEqual(['a']);
    expect(passwords({ ...NEIGHBOUR, password: { kind: 'unavailable', why: '' }, nextPassword: 'b' })).toEqual([]);
  });
});
