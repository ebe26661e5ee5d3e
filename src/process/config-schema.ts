/** The schema of a node's configuration file, with its defaults. */
import { z } from 'zod';
import { AutodetectionMethodError, parseAutodetectionMethod } from '../bootstrap/autodetection-method.ts';
import { canonicalAddress, tryParseAddress } from '../net/address.ts';
import { parseAsNumber } from '../resources/as-number.ts';
import { parseInterfaceAddress } from '../resources/peer-address.ts';
import { policySchema } from './policy-schema.ts';
import { fibRule, interfaceName } from './fib-rule-schema.ts';

/** rtnetlink protocol numbers by name (linux/rtnetlink.h, and BIRD's from iproute2's rt_protos). */
const PROTOCOLS: Readonly<Record<string, number>> = { boot: 3, static: 4, bird: 12, zebra: 11, bgp: 186 };

const protocol = z
  .union([z.enum(['boot', 'static', 'bird', 'zebra', 'bgp']), z.int().min(3).max(255)])
  .transform((value) => (typeof value === 'number' ? value : PROTOCOLS[value]));

const routerId = z
  .string()
  .refine((text) => text === 'hash' || tryParseAddress(text)?.family === 0, 'must be an IPv4 address, or hash');

/** An address of the node as calico-node's IP and IP6 say it. */
const nodeAddress = (family: 0 | 1, name: string) =>
  z
    .string()
    .refine(
      (text) => ['', 'none', 'autodetect'].includes(text) || parseInterfaceAddress(text)?.family === family,
      `must be none, autodetect or an ${name} address with or without its prefix length`,
    )
    .default('');

const autodetectionMethod = z
  .string()
  .superRefine((text, context) => {
    try {
      parseAutodetectionMethod(text);
    } catch (error) {
      if (!(error instanceof AutodetectionMethodError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
    }
  })
  .default('first-found');

const asNumber = z.union([z.number(), z.string()]).transform((value, context): number => {
  const as = parseAsNumber(value);
  if (as !== undefined && as > 0) return as;
  context.addIssue({ code: 'custom', message: `must be an AS number, not ${JSON.stringify(value)}` });
  return z.NEVER;
});

/** A source address of routes; empty for the kernel's own choice. */
const sourceAddress = (family: 0 | 1, name: string) =>
  z
    .string()
    .refine((text) => {
      const address = tryParseAddress(text);
      return text === '' || (address?.family === family && address.zone === undefined);
    }, `must be an ${name} address, or empty`)
    .transform((text) => (text === '' ? '' : canonicalAddress(text)))
    .default('');

export const configSchema = z.strictObject({
  nodeName: z.string().min(1).optional(),
  /** As CALICO_ROUTER_ID: the node's IPv4 address where it is not given. */
  routerId: routerId.optional(),
  ip: nodeAddress(0, 'IPv4'),
  ip6: nodeAddress(1, 'IPv6'),
  ipAutodetectionMethod: autodetectionMethod,
  ip6AutodetectionMethod: autodetectionMethod,
  asNumber: asNumber.optional(),
  /** Whether this daemon writes address and AS number to the Node in the datastore. */
  publishNode: z.boolean().default(false),
  /** Whether it does so although another Node has the address. */
  disableNodeIpCheck: z.boolean().default(false),
  /** Where the Secrets are that resources refer to. */
  namespace: z.string().min(1).default('kube-system'),
  datastore: z
    .strictObject({
      type: z
        .enum(['file', 'etcd', 'etcdv3', 'kubernetes'])
        // As calico-node calls it.
        .transform((type) => (type === 'etcdv3' ? 'etcd' : type))
        .default('file'),
      file: z.strictObject({ path: z.string().min(1).default('/etc/starling/resources') }).prefault({}),
      etcd: z
        .strictObject({
          endpoints: z.array(z.string()).default([]),
          discoverySrv: z.string().default(''),
          keyFile: z.string().default(''),
          certFile: z.string().default(''),
          caFile: z.string().default(''),
          username: z.string().default(''),
          password: z.string().default(''),
          passwordFile: z.string().default(''),
          /** Manifests of what etcd has no place for. */
          manifestsPath: z.string().default(''),
        })
        .prefault({}),
      kubernetes: z
        .strictObject({
          kubeconfig: z.string().default(''),
          apiGroup: z.enum(['auto', 'projectcalico.org/v3', 'crd.projectcalico.org/v1']).default('auto'),
          usePodCidr: z.boolean().default(false),
        })
        .prefault({}),
      cache: z.string().default('/var/lib/starling/cache'),
      cacheKeyFile: z.string().default(''),
      /** Where Felix writes the status of endpoints; empty: nobody does. */
      endpointStatusPath: z.string().default('/var/run/calico/endpoint-status'),
    })
    .prefault({}),
  fib: z
    .strictObject({
      enabled: z.boolean().default(true),
      table: z.int().min(1).max(0xffffffff).default(254),
      protocol: protocol.prefault('bird'),
      maxPaths: z.int().min(1).max(256).default(16),
      metric: z.int().min(1).max(0xffffffff).default(1024),
      preferredSource: z.strictObject({ ipv4: sourceAddress(0, 'IPv4'), ipv6: sourceAddress(1, 'IPv6') }).prefault({}),
      /** Policy rules that lead to {@link table}. */
      rules: z.array(fibRule).default([]),
      resilientGroups: z
        .strictObject({
          enabled: z.boolean().default(false),
          buckets: z.int().min(1).max(65_535).default(128),
          /** Seconds. */
          idleTimer: z.number().min(0).max(42_949_672).default(120),
          unbalancedTimer: z.number().min(0).max(42_949_672).default(0),
        })
        .prefault({}),
      sysctl: z.enum(['check', 'manage']).default('check'),
      workloadInterfaces: z.array(interfaceName).default(['cali*', 'tap*']),
      felix: z.enum(['auto', 'present', 'absent']).default('auto'),
    })
    .prefault({}),
  peering: z
    .strictObject({
      guard: z
        .strictObject({
          enabled: z.boolean().default(true),
          maxLossPercent: z.number().min(0).max(100).default(50),
          minSessions: z.int().min(1).default(2),
        })
        .prefault({}),
      /** How long sessions are kept for those that are to replace them, seconds. */
      transitionTimeout: z.number().min(1).max(86_400).default(120),
    })
    .prefault({}),
  services: z
    .strictObject({
      guard: z
        .strictObject({
          enabled: z.boolean().default(true),
          maxWithdrawPercent: z.number().min(0).max(100).default(50),
          minPrefixes: z.int().min(1).default(10),
          /** How long what is too much is held, seconds. */
          holdTime: z.number().min(0).max(3600).default(10),
        })
        .prefault({}),
      /** How long a withdrawal waits, seconds. */
      withdrawDelay: z.number().min(0).max(3600).default(0),
      /** Whether packets to addresses of services that nobody serves are dropped here; `auto`: where Felix doesn't do it. */
      loopPrevention: z.enum(['auto', 'off']).default('auto'),
    })
    .prefault({}),
  /** `strict`: services are advertised, and filters understood, as by Calico, defects included. */
  calicoCompatible: z.enum(['mended', 'strict']).default('mended'),
  drain: z
    .strictObject({
      onCordon: z.boolean().default(false),
      onOutOfService: z.boolean().default(true),
      onNetworkUnavailable: z.boolean().default(false),
      /** When a signal to stop withdraws everything first, and is no restart. */
      onStop: z.enum(['never', 'nodeStops', 'cordoned', 'always']).default('nodeStops'),
      /** Seconds from GRACEFUL_SHUTDOWN to the withdrawal of services. */
      wait: z.number().min(0).max(86_400).default(10),
      /** Seconds from there to the withdrawal of pods. */
      servicesWait: z.number().min(0).max(86_400).default(5),
    })
    .prefault({}),
  bestPath: z
    .strictObject({
      alwaysCompareMed: z.boolean().default(false),
      deterministicMed: z.boolean().default(true),
      missingMedWorst: z.boolean().default(false),
      compareRouterId: z.boolean().default(true),
      multipathRelax: z.boolean().default(true),
    })
    .prefault({}),
  api: z
    .strictObject({
      socket: z.string().default('/run/starling/starlingd.sock'),
      http: z.string().default('127.0.0.1:8179'),
      gobgp: z.string().default(''),
    })
    .prefault({}),
  policy: policySchema,
  log: z
    .strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
      format: z.enum(['text', 'json']).default('text'),
    })
    .prefault({}),
});

export type ConfigValues = z.output<typeof configSchema>;
