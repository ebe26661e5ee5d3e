import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CliWorld } from '../../../test/support/cli-world.ts';
import { FakeDaemonView } from '../../../test/support/fake-daemon-view.ts';
import { TOR_A } from '../../../test/support/fake-peers.ts';

let world: CliWorld;

beforeEach(async () => {
  world = await CliWorld.start(new FakeDaemonView());
});

afterEach(() => world[Symbol.asyncDispose]());

describe('starling node status', () => {
  it('shows the sessions by family, and all of it as JSON', async () => {
    expect(await world.output('node', 'status')).toContain('IPv6 BGP status');
    const { node, ipv4 } = JSON.parse(await world.output('node', 'status', '-o', 'json'));
    expect({ node, ipv4 }).toMatchObject({ node: 'node-1', ipv4: [{ address: TOR_A.address, state: 'up' }] });
  });
});
