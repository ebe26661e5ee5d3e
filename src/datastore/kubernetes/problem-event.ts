/** A problem of a resource as a Kubernetes Event. */
import { createHash } from 'node:crypto';
import type { CoreV1Event } from '@kubernetes/client-node';
import type { SourcedProblem } from '../datastore.ts';
import { apiVersionOfKind } from './api-resources.ts';
import type { CalicoGroup } from './api-resources.ts';

/** Where Events of objects without namespace are. */
export const EVENTS_NAMESPACE = 'default';

/** Longest message that the API takes, in characters (core/v1). */
const LONGEST_MESSAGE = 1024;

/** Event as it goes over the wire, where times are text. */
export type EventManifest = Omit<CoreV1Event, 'firstTimestamp' | 'lastTimestamp' | 'eventTime'> & {
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
};

/**
 * The Event of a problem of which `source` is `Kind/name` or `Kind/namespace/name`, at a time (RFC 3339). Its name is a hash of
 * object and words, so that all nodes of a cluster make the same one.
 */
export function problemEvent(
  { source, message, severity }: SourcedProblem,
  group: CalicoGroup,
  time: string,
): EventManifest {
  const [kind = '', ...rest] = source.split('/');
  const name = rest.at(-1) ?? '';
  const own = rest.length > 1 ? rest[0] : undefined;
  const hash = createHash('sha256').update(`${source}\n${message}`).digest('hex').slice(0, 16);
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `starling-${hash}`, namespace: own ?? EVENTS_NAMESPACE },
    involvedObject: {
      apiVersion: apiVersionOfKind(kind, group),
      kind: kind === 'KubernetesNetworkPolicy' ? 'NetworkPolicy' : kind,
      name,
      ...(own !== undefined && { namespace: own }),
    },
    type: 'Warning',
    reason: severity === 'error' ? 'Invalid' : 'Questionable',
    message: message.slice(0, LONGEST_MESSAGE),
    source: { component: 'starling' },
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
}
