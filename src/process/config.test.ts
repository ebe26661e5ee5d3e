import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { policyAgentFields } from '../resources/kinds/felix-configuration.ts';
import { CONFIG_FIELDS } from './config-fields.ts';
import { configSchema } from './config-schema.ts';
import { ConfigError, loadConfig } from './config.ts';
import type { Config } from './config.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'starling-config-'));
  path = join(directory, 'starlingd.yaml');
});
afterEach(() => rmSync(directory, { recursive: true }));

function load(text: string, environment: Record<string, string> = {}): Config {
  writeFileSync(path, text);
  return loadConfig({ path, environment, hostName: 'Host-1' });
}

function problemsOf(text: string, environment: Record<string, string> = {}): string[] {
  try {
    load(text, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.replaceAll(path, 'FILE').split('\n');
    throw error;
  }
  return [];
}

describe('the configuration', () => {
  it('has a default for everything', () => {
    const config = loadConfig({ environment: {}, hostName: 'Host-1' });
    expect(config).toMatchObject({
      nodeName: 'host-1',
      datastore: { type: 'file', file: { path: '/etc/starling/resources' } },
      fib: { enabled: true, table: 254, protocol: 12, maxPaths: 16 },
      api: { socket: '/run/starling/starlingd.sock', http: { host: '127.0.0.1', port: 8179 } },
      log: { level: 'info', format: 'text' },
    });
    expect(load('')).toEqual(config);
  });

  it('reads the file, and lets the environment win over it', () => {
    const text = 'nodeName: node-1\nfib: { table: 100, protocol: static }\napi: { http: "" }\n';
    expect(load(text)).toMatchObject({
      nodeName: 'node-1',
      fib: { table: 100, protocol: 4 },
      api: { http: undefined },
    });
    const config = load(text, { NODENAME: 'node-2', STARLING_FIB_TABLE: '7', STARLING_API_HTTP: '[::1]:80' });
    expect(config).toMatchObject({ nodeName: 'node-2', fib: { table: 7 }, api: { http: { host: '::1', port: 80 } } });
  });

  it('takes settings of policies as Felix does, and no value for what is not set', () => {
    expect(load('').policy).toEqual({
      socket: '/run/starling/starling-policyd.sock',
      http: { host: '127.0.0.1', port: 8180 },
      masquerade: true,
      endpointStatusPathPrefix: '',
    });
    const environment = {
      FELIX_INTERFACEPREFIX: 'cali,tap',
      FELIX_DEFAULTENDPOINTTOHOSTACTION: 'ACCEPT',
      FELIX_FAILSAFEINBOUNDHOSTPORTS: '22,udp:10.0.0.0/8:68',
      FELIX_FAILSAFEOUTBOUNDHOSTPORTS: 'none',
      FELIX_METADATAPORT: '8775',
    };
    expect(load('policy: { interfacePrefix: tap }', environment).policy).toMatchObject({
      interfacePrefix: 'cali,tap',
      defaultEndpointToHostAction: 'Accept',
      failsafeInboundHostPorts: [
        { protocol: 'TCP', port: 22 },
        { protocol: 'UDP', net: '10.0.0.0/8', port: 68 },
      ],
      failsafeOutboundHostPorts: [],
      metadataPort: 8775,
    });
    expect(problemsOf('policy: { http: x, defaultEndpointToHostAction: maybe, socks: /x }')).toHaveLength(2);
  });

  it('prefers its own variables to those of calico-node, and takes an empty one for unset', () => {
    const environment = { STARLING_NODE_NAME: 'own', NODENAME: 'calico', CALICO_ROUTER_ID: 'hash', ETCD_ENDPOINTS: '' };
    expect(load('', environment)).toMatchObject({ nodeName: 'own', routerId: 'hash' });
  });

  it('names every problem with its place and field', () => {
    expect(problemsOf('fib:\n  tabel: 5\n  maxPaths: many\nlog: { level: loud }\n')).toEqual([
      'FILE:3:13: fib.maxPaths must be a number, not the text "many"',
      'FILE:2:10: fib.tabel is not a known field (did you mean "table"?)',
      'FILE:4:15: log.level must be debug, info, warn or error, not the text "loud"',
    ]);
    expect(problemsOf('', { STARLING_FIB_TABLE: 'main' })[0]).toMatch(
      /^environment variable STARLING_FIB_TABLE: fib\.table must be/,
    );
    expect(problemsOf('api: { http: 8179 }')[0]).toMatch(/^FILE:1:14: api\.http must be a text/);
    expect(problemsOf('api: { http: "8179" }')[0]).toMatch(/^FILE:1:14: api\.http must be an address and a port/);
  });

  it('takes rules that lead to the table, from the file or as YAML from the environment', () => {
    const rules = '[{ priority: 100, from: 10.0.0.7 }, { priority: 101, family: ipv6, fwmark: 0x10, fwmask: 0xff }]';
    const wanted = [
      { priority: 100, from: '10.0.0.7/32' },
      { priority: 101, family: 1, fwmark: 16, fwmask: 255 },
    ];
    expect(load(`fib: { table: 100, rules: ${rules} }`).fib.rules).toEqual(wanted);
    expect(load('', { STARLING_FIB_RULES: rules }).fib.rules).toEqual(wanted);
    expect(problemsOf('fib: { rules: [{ priority: 0 }] }')).toEqual([
      'FILE:1:28: fib.rules.0.priority must be at least 1, not 0',
    ]);
    expect(problemsOf('fib: { rules: [{ priority: 1, from: 10.0.0.0/8, to: "fd00::/8" }] }')).toEqual([
      'FILE:1:16: fib.rules.0 must have family, from and to of one address family',
    ]);
    expect(problemsOf('fib: { rules: [{ priority: 1, from: here, fwmask: 1 }] }')).toEqual([
      'FILE:1:37: fib.rules.0.from must be a prefix or an address, not "here"',
    ]);
    expect(problemsOf('', { STARLING_FIB_RULES: '[{' })).toEqual([
      'environment variable STARLING_FIB_RULES: fib.rules must be a list, not the text "[{"',
    ]);
  });

  it('takes the settings of the kernel routes', () => {
    const environment = {
      STARLING_FIB_PREFERRED_SOURCE_IPV6: 'FD00:0::1',
      STARLING_FIB_RESILIENT_GROUPS: 'true',
      STARLING_FIB_WORKLOAD_INTERFACES: 'cali*, veth*',
    };
    expect(load('fib: { sysctl: manage, felix: absent }', environment).fib).toMatchObject({
      metric: 1024,
      preferredSource: { ipv4: '', ipv6: 'fd00::1' },
      resilientGroups: { enabled: true, buckets: 128, idleTimer: 120, unbalancedTimer: 0 },
      sysctl: 'manage',
      workloadInterfaces: ['cali*', 'veth*'],
      felix: 'absent',
    });
    expect(problemsOf('fib: { preferredSource: { ipv4: "fd00::1" } }')[0]).toContain(
      'must be an IPv4 address, or empty',
    );
    expect(problemsOf('fib: { sysctl: set }')[0]).toContain('must be check or manage, not the text "set"');
  });

  it('says where YAML goes wrong, and which file is missing', () => {
    expect(problemsOf('a: [1\nb: 2\n')).toEqual([
      'FILE:2:1: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ]);
    expect(problemsOf('nodeName: *other')).toEqual([
      'FILE: Unresolved alias (the anchor must be set before the alias)',
    ]);
    const missing = join(directory, 'nowhere.yaml');
    expect(() => loadConfig({ path: missing, environment: {}, hostName: 'h' })).toThrow(/nowhere\.yaml: can't be read/);
  });

  it("reads calico-node's variables, and names as text", () => {
    const environment = { NODENAME: '123', NAMESPACE: '7', IP: 'none', IP_AUTODETECTION_METHOD: 'can-reach=192.0.2.1' };
    expect(load('', environment)).toMatchObject({
      nodeName: '123',
      namespace: '7',
      ip: 'none',
      ipAutodetectionMethod: 'can-reach=192.0.2.1',
    });
    expect(problemsOf('', { IP: '2001:db8::1', AS: 'as' })).toEqual([
      'environment variable IP: ip must be none, autodetect or an IPv4 address with or without its prefix length',
      'environment variable AS: asNumber must be an AS number, not "as"',
    ]);
  });

  it('refuses what this version does not do', () => {
    expect(problemsOf('api: { gobgp: "127.0.0.1:50051" }')[0]).toContain("GoBGP's gRPC API");
    expect(() => load('api: { gobgp: "127.0.0.1:50051" }')).toThrow(
      expect.objectContaining({ problems: [expect.objectContaining({ field: 'api.gobgp', reason: 'unsupported' })] }),
    );
  });

  it('takes how the node is to be found, and says what is no method', () => {
    const environment = { IP: 'autodetect', IP_AUTODETECTION_METHOD: 'interface=eth.*,bond0', AS: '64513' };
    expect(load('', environment)).toMatchObject({ ip: 'autodetect', asNumber: 64_513, publishNode: false });
    expect(problemsOf('ipAutodetectionMethod: first\nip6AutodetectionMethod: interface=(')).toEqual([
      expect.stringMatching(/:1:24: ipAutodetectionMethod must be first-found, can-reach=.*, not "first"$/),
      expect.stringMatching(/:2:25: ip6AutodetectionMethod has "\(", which is not a regular expression$/),
    ]);
    expect(problemsOf('publishNode: true')).toEqual([
      expect.stringMatching(/:1:14: publishNode needs an etcd or kubernetes datastore: files are not written/),
    ]);
  });

  it('takes the datastores by the names of calico-node', () => {
    const environment = {
      DATASTORE_TYPE: 'etcdv3',
      ETCD_ENDPOINTS: 'https://10.0.0.5:2379, https://[fd00::5]:2379',
      ETCD_USERNAME: '1',
      ETCD_PASSWORD: '2',
      CALICO_API_GROUP: 'crd.projectcalico.org/v1',
      USE_POD_CIDR: 'true',
    };
    expect(load('', environment).datastore).toMatchObject({
      type: 'etcd',
      etcd: { endpoints: ['https://10.0.0.5:2379', 'https://[fd00::5]:2379'], username: '1', password: '2' },
      kubernetes: { kubeconfig: '', apiGroup: 'crd.projectcalico.org/v1', usePodCidr: true },
      cache: '/var/lib/starling/cache',
      cacheKeyFile: '',
    });
    expect(load('datastore: { type: kubernetes }').datastore.kubernetes.apiGroup).toBe('auto');
  });

  it('quotes no password', () => {
    const etcd = (field: string) => problemsOf(`datastore:\n  type: etcd\n  etcd: { ${field} }`).join('\n');
    const endpoints = 'endpoints: ["http://a:1"], username: u';
    expect(etcd(`${endpoints}, password: 991234567890`)).toMatch(/etcd\.password must be a text; in quotes, where it/);
    for (const field of [
      `${endpoints}, password: 991234567890`,
      `${endpoints}, password: [991234567890]`,
      `${endpoints}, password: *991234567890`,
      `${endpoints}, password: "991234567890`,
      'endpoints: ["http://u:991234567890@a:1"], username: u, password: p',
      'endpoints: ["u:991234567890@a:1"], username: u, password: p',
    ]) {
      expect(etcd(field)).toMatch(/^FILE/);
      expect(etcd(field)).not.toContain('991234567890');
    }
  });

  it('says what a datastore lacks, with the field', () => {
    expect(problemsOf('datastore: { type: etcd }')).toEqual([
      'FILE:1:12: datastore.etcd.endpoints is required with datastore.type etcd, e.g. https://127.0.0.1:2379; or else discoverySrv',
    ]);
    const etcd = (fields: string) => problemsOf(`datastore: { type: etcd, etcd: { ${fields} } }`);
    expect(etcd('endpoints: ["10.0.0.5:2379", "[fd00::5]:2379"]')).toEqual([]);
    expect(etcd('endpoints: [ftp://a, "http://b/c"]')).toEqual([
      'FILE:1:46: datastore.etcd.endpoints.0 must be a URL like https://10.0.0.5:2379, not "ftp://a"',
      'FILE:1:55: datastore.etcd.endpoints.1 must be a URL like https://10.0.0.5:2379, not "http://b/c"',
    ]);
    expect(etcd(`endpoints: [http://a:1], discoverySrv: b, certFile: ${path}, username: u`)).toEqual([
      expect.stringMatching(/datastore\.etcd\.discoverySrv must not be set together with endpoints$/),
      expect.stringMatching(/datastore\.etcd\.keyFile is required too: a certificate and its key belong together$/),
      expect.stringMatching(/datastore\.etcd\.passwordFile or password is required with username$/),
    ]);
    expect(etcd('discoverySrv: b, caFile: /nowhere/ca.pem')).toEqual([
      'FILE:1:59: datastore.etcd.caFile names /nowhere/ca.pem: there is no such file',
    ]);
    expect(problemsOf('', { DATASTORE_TYPE: 'kubernetes', KUBECONFIG: '/nowhere/config' })).toEqual([
      'environment variable KUBECONFIG: datastore.kubernetes.kubeconfig names /nowhere/config: there is no such file',
    ]);
    expect(problemsOf('', { KUBECONFIG: '/nowhere/config' })).toEqual([]);
    const key = join(directory, 'key');
    const withKey = { DATASTORE_TYPE: 'kubernetes', STARLING_CACHE_KEY_FILE: key };
    writeFileSync(key, 'short');
    expect(problemsOf('', withKey)[0]).toContain('which holds 5 bytes: a key needs at least 32, random ones');
    writeFileSync(key, 'x'.repeat(32));
    expect(load('', withKey).datastore.cacheKeyFile).toBe(key);
    expect(problemsOf('datastore: { type: kubernetes, kubernetes: { apiGroup: v3 } }')[0]).toMatch(
      /datastore\.kubernetes\.apiGroup must be auto, projectcalico\.org\/v3 or crd\.projectcalico\.org\/v1/,
    );
  });

  it('keeps the places apart at which the two processes listen', () => {
    expect(problemsOf('{ api: { socket: /a }, policy: { socket: /a, http: "127.0.0.1:8179" } }')).toEqual([
      "FILE:1:42: policy.socket must not be the same as api.socket, which is the daemon's",
      "FILE:1:52: policy.http must not be the same as api.http, which is the daemon's",
    ]);
    expect(problemsOf('{ api: { socket: "", http: "" }, policy: { socket: "", http: "" } }')).toEqual([]);
  });

  it('names the variable that a part of a value came from', () => {
    const ports = { FELIX_FAILSAFEINBOUNDHOSTPORTS: 'tcp:22, udp:99999' };
    expect(problemsOf('policy: { socket: /a }', ports)).toEqual([
      'environment variable FELIX_FAILSAFEINBOUNDHOSTPORTS: policy.failsafeInboundHostPorts "udp:99999" is not a port such as "tcp:22" or "tcp:10.0.0.0/8:22"',
    ]);
    expect(problemsOf('datastore: { type: etcd }', { ETCD_ENDPOINTS: 'ftp://a' })[0]).toMatch(
      /^environment variable ETCD_ENDPOINTS: datastore\.etcd\.endpoints\.0 /,
    );
  });

  it('has a row and a line of documentation for every field', () => {
    const fields = [
      ...leaves(configSchema.parse({ nodeName: 'n', routerId: 'hash', asNumber: 1 })),
      // None of them has a default.
      ...[...Object.keys(policyAgentFields), 'vxlanPort'].map((name) => `policy.${name}`),
    ];
    expect(CONFIG_FIELDS.map(({ field }) => field).sort()).toEqual(fields.sort());
    const documentation = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
    for (const { field, variables } of CONFIG_FIELDS) {
      const line = documentation.split('\n').find((text) => text.includes(`\`${field}\``));
      for (const variable of variables) expect(line).toContain(`\`${variable}\``);
    }
  });
});

function leaves(value: object, prefix = ''): string[] {
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? leaves(inner, `${prefix}${key}.`)
      : [`${prefix}${key}`],
  );
}
