import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeDaemonView } from '../../../test/support/fake-daemon-view.ts';
import { NODE_2, TOR_A } from '../../../test/support/fake-peers.ts';
import { HEALTHY, NOW } from '../../../test/support/fake-status.ts';
import { toPastTimestamp } from '../timestamps.ts';
import { DAEMON_ROWS, daemonRenderer } from './daemon-renderer.ts';

const renderer = daemonRenderer();
afterEach(() => renderer.close());

async function scrape(daemon = new FakeDaemonView()): Promise<string[]> {
  return (await renderer.render(daemon)).split('\n');
}

describe('metrics', () => {
  it("are GoBGP's for sessions, with true zeroes for a session that is down", async () => {
    const lines = await scrape();
    expect(lines).toEqual(
      expect.arrayContaining([
        'bgp_peer_state{peer="10.0.0.254",session_state="ESTABLISHED",admin_state="UP"} 1',
        'bgp_peer_state{peer="fe80::2%eth0",session_state="ACTIVE",admin_state="UP"} 1',
        'bgp_routes_received{peer="10.0.0.254",route_family="ipv4-unicast"} 12',
        'bgp_routes_accepted{peer="10.0.0.254",route_family="ipv4-unicast"} 10',
        'bgp_routes_advertised{peer="10.0.0.254",route_family="ipv4-unicast"} 4',
        'bgp_routes_advertised{peer="fe80::2%eth0",route_family="ipv4-unicast"} 0',
        'bgp_received_update_total{peer="10.0.0.254"} 7',
        'bgp_sent_keepalive_total{peer="10.0.0.254"} 120',
        'bgp_received_withdraw_prefix_total{peer="10.0.0.254"} 3',
        'bgp_peer_uptime{peer="10.0.0.254"} 93784',
        'bgp_peer_uptime{peer="fe80::2%eth0"} 0',
        'starling_peer_up{peer="fe80::2%eth0",type="mesh"} 0',
      ]),
    );
  });

  it('count the daemon itself', async () => {
    const lines = await scrape();
    expect(lines).toEqual(
      expect.arrayContaining([
        'starling_rib_prefixes{route_family="ipv4-unicast"} 10',
        'starling_rib_paths{route_family="ipv4-unicast"} 12',
        'starling_fib_in_sync 1',
        'starling_fib_written_total 20',
        'starling_advertiser_services 4',
        'starling_advertiser_held_withdrawals 2',
        'starling_advertiser_withheld 0',
        'starling_advertiser_changes_total 17',
        'starling_datastore_state{type="file",state="synced"} 1',
        'starling_datastore_state{type="file",state="cached"} 0',
        'starling_datastore_resources{kind="Node"} 2',
        'starling_datastore_source_synced{source="/etc/starling/resources"} 1',
        'starling_datastore_source_errors_total{source="/etc/starling/resources"} 0',
        '# TYPE starling_event_loop_active_seconds_total counter',
      ]),
    );
    expect(lines.find((line) => line.startsWith('process_resident_memory_bytes '))).toMatch(/ \d{7,}$/);
  });

  it('leave out what has no value', async () => {
    expect((await scrape()).filter((line) => line.includes('cache_written'))).toEqual([]);
    const daemon = new FakeDaemonView();
    const { datastore } = HEALTHY;
    daemon.statusReport = { ...HEALTHY, datastore: { ...datastore, cacheWritten: toPastTimestamp(NOW, NOW) } };
    const seconds = NOW / 1000;
    const name = 'starling_datastore_cache_written_timestamp_seconds';
    expect(await scrape(daemon)).toContain(`${name} ${seconds}`);
    expect((await scrape()).filter((line) => line.includes(name))).toEqual([]);
  });

  it('forget a peer that is gone, and the state it was in', async () => {
    await scrape();
    const daemon = new FakeDaemonView();
    daemon.peerList = [{ ...TOR_A, state: 'Idle', admin: 'down' }];
    const lines = await scrape(daemon);
    expect(lines.filter((line) => line.startsWith('bgp_peer_state{'))).toEqual([
      'bgp_peer_state{peer="10.0.0.254",session_state="IDLE",admin_state="DOWN"} 1',
    ]);
    expect(lines.filter((line) => line.includes(NODE_2.address))).toEqual([]);
  });

  it('follow the rules of names, and are told of in docs/metrics.md', () => {
    const docs = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');
    for (const { name, type } of DAEMON_ROWS) {
      expect(name.endsWith('_total')).toBe(type === 'counter');
      expect(docs).toContain(`\`${name}\``);
    }
  });
});
