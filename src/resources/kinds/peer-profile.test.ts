import { describe, expect, it } from 'vitest';
import { parseResource } from '../parse-resource.ts';

function read(spec: unknown) {
  const manifest = { apiVersion: 'starling.dev/v1alpha1', kind: 'PeerProfile', metadata: { name: 'rack' }, spec };
  const parsed = parseResource(manifest);
  const problems = parsed.problems.map(({ severity, path, message }) => `${severity} ${path.join('.')}: ${message}`);
  return { spec: parsed.ok ? parsed.resource.spec : undefined, problems };
}

describe('PeerProfile', () => {
  it('reads every field that has an effect', () => {
    const spec = {
      peerSelector: "peer.starling.dev/type == 'mesh'",
      topologyKey: 'topology.kubernetes.io/zone',
      holdTime: '9s',
      keepaliveTime: '3s',
      connectRetryTime: '30s',
      passive: true,
      addPaths: 'Both',
      gracefulRestart: { mode: 'Helper', restartTime: '120s' },
      families: ['IPv4Unicast'],
      authentication: { nextPassword: { secretKeyRef: { name: 'bgp', key: 'next' } } },
      localPreference: 'Metric',
    };
    expect(read(spec)).toEqual({ spec, problems: [] });
    expect(read({})).toEqual({ spec: { peerSelector: 'all()' }, problems: [] });
  });

  it('says which fields have no effect yet, and keeps them', () => {
    const spec = {
      peerSelector: 'all()',
      bfd: { detectMultiplier: 3, transmitInterval: '300ms' },
      maxPrefixes: { limit: 100, warnAt: 80, restartAfter: '5m' },
      gracefulRestart: { longLived: '1h' },
      role: 'Customer',
      acceptDefaultRoute: false,
      authentication: {
        ao: [{ keyID: 1, algorithm: 'HMAC-SHA-1-96', key: { secretKeyRef: { name: 'ao', key: 'k1' } } }],
      },
    };
    expect(read(spec)).toEqual({
      spec,
      problems: [
        'bfd',
        'maxPrefixes',
        'role',
        'acceptDefaultRoute',
        'gracefulRestart.longLived',
        'authentication.ao',
      ].map((field) => `warning spec.${field}: is not supported yet, and ignored`),
    });
  });

  it.each([
    [{ holdTime: '2s' }, 'holdTime: must be 0s, or 3s to 65535s (RFC 4271 section 4.2)'],
    [{ holdTime: '20h' }, 'holdTime: must be 0s, or 3s to 65535s (RFC 4271 section 4.2)'],
    [{ holdTime: '9s', keepaliveTime: '4s' }, 'keepaliveTime: must be at most a third of holdTime'],
    [{ keepaliveTime: '0s' }, 'keepaliveTime: must be 1s to 21845s'],
    [{ connectRetryTime: '0s' }, 'connectRetryTime: must be 1s to 65535s'],
    [
      { gracefulRestart: { restartTime: '2h' } },
      'gracefulRestart.restartTime: must be at most 4095s (RFC 4724 section 3)',
    ],
    [
      { gracefulRestart: { mode: 'Disabled', restartTime: '10s' } },
      'gracefulRestart.restartTime: must not be set with mode Disabled',
    ],
    [
      {
        authentication: {
          nextPassword: { secretKeyRef: { name: 'a', key: 'b' } },
          ao: [{ keyID: 1, key: { secretKeyRef: { name: 'a', key: 'c' } } }],
        },
      },
      'authentication.ao: must not be set together with nextPassword, which is for TCP MD5',
    ],
    [{ topologyKey: 'a b' }, 'topologyKey: "a b" is not the key of a label, such as topology.kubernetes.io/zone'],
    [{ families: [] }, 'families: must not be empty'],
    [{ addPaths: true }, 'addPaths: must be Both, Send, Receive or Disabled, not true'],
    [
      { authentication: { nextPassword: 'hunter2' } },
      'authentication.nextPassword: must be {secretKeyRef: {name, key}}: the password itself stands in a Secret',
    ],
    [
      { peerSelector: 'a = "b"' },
      'peerSelector: selector: expected ==, !=, in, not in, contains, starts with or ends with at character 3 of "a = "b""',
    ],
  ])('%j: %s', (spec, problem) => {
    expect(read(spec)).toEqual({ spec: undefined, problems: [`error spec.${problem}`] });
  });

  it('refuses to warn only beyond the limit', () => {
    expect(read({ maxPrefixes: { limit: 10, warnAt: 11 } }).problems).toEqual([
      'error spec.maxPrefixes.warnAt: must be at most limit, which is 10',
    ]);
  });

  it('names fields that it does not know', () => {
    expect(read({ holdtime: '9s' }).problems).toEqual([
      'warning spec.holdtime: is not a known field (did you mean "holdTime"?); ignored',
    ]);
  });
});
