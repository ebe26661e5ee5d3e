/** Kubernetes' own NetworkPolicy. Calico's has its name, so this one has another here. */
import { z } from 'zod';
import { NO_QUOTES, UNQUOTED, cidr, labelKey } from '../fields.ts';
import { salvageKubernetesPolicy } from '../kubernetes-policy-salvage.ts';
import { defineKind } from '../kind-definition.ts';
import { PORT_NAME, leftOut, net } from '../policy-rule.ts';

const labelValue = z.string().regex(NO_QUOTES, UNQUOTED);

const labelSelector = z.strictObject({
  matchLabels: z.record(labelKey, labelValue).optional(),
  matchExpressions: z
    .array(
      z
        .strictObject({
          key: labelKey,
          operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
          values: z.array(labelValue).optional(),
        })
        .refine(({ operator, values = [] }) => (operator === 'In' || operator === 'NotIn') === values.length > 0, {
          path: ['values'],
          message: 'must have items with In and NotIn, and none with Exists and DoesNotExist',
        }),
    )
    .optional(),
});

const block = cidr.pipe(net);

const peer = z
  .strictObject({
    podSelector: labelSelector.optional(),
    namespaceSelector: labelSelector.optional(),
    ipBlock: z.strictObject({ cidr: block, except: z.array(block).optional() }).optional(),
  })
  .check(({ value, issues }) => {
    const others = value.podSelector !== undefined || value.namespaceSelector !== undefined;
    if (others !== (value.ipBlock !== undefined)) return;
    const message = others
      ? 'ipBlock must not be set together with podSelector or namespaceSelector'
      : 'must have podSelector, namespaceSelector or ipBlock';
    issues.push({ code: 'custom', message, input: value });
  });

const portNumber = z.int().min(1).max(65535);

const port = z
  .strictObject({
    protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
    /** Without it all ports. */
    port: z.union([portNumber, z.string().regex(PORT_NAME, 'must be the name of a port')]).optional(),
    endPort: portNumber.optional(),
  })
  .refine(({ port, endPort }) => endPort === undefined || (typeof port === 'number' && port <= endPort), {
    path: ['endPort'],
    message: 'needs a port that is a number and not greater',
  });

const ports = z.array(port).optional();

const rules = {
  ingress: z.strictObject({ from: z.array(peer).optional(), ports, leftOut }),
  egress: z.strictObject({ to: z.array(peer).optional(), ports, leftOut }),
};

const spec = z.strictObject({
  /** Without terms all pods of the namespace. */
  podSelector: labelSelector.default({}),
  policyTypes: z.array(z.enum(['Ingress', 'Egress'])).optional(),
  ingress: z.array(rules.ingress).optional(),
  egress: z.array(rules.egress).optional(),
});

export const KUBERNETES_NETWORK_POLICY = defineKind({
  kind: 'KubernetesNetworkPolicy',
  manifestKind: 'NetworkPolicy',
  apiVersions: ['networking.k8s.io/v1'],
  schema: z.object({ spec }),
  inNamespace: true,
  reportUnknownFields: true,
  salvage: (body) => salvageKubernetesPolicy(body, labelSelector, rules),
});
