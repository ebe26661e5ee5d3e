/** What a node writes through the Kubernetes API. */
import { DatastoreError, reasonOf } from '../datastore-error.ts';
import type { DatastoreWriter, NodePatch, SourcedProblem } from '../datastore.ts';
import type { ApiClient } from './api-client.ts';
import { ApiError } from './api-status.ts';
import type { CalicoGroups } from './calico-groups.ts';
import { EVENTS_NAMESPACE, problemEvent } from './problem-event.ts';

/** Events of one node in a minute: someone who breaks a thousand objects at once gets to know of it from these. */
const EVENTS_A_MINUTE = 10;

export class KubernetesWriter implements DatastoreWriter {
  readonly #client: ApiClient;
  readonly #groups: CalicoGroups;
  /** When the last Events were made. */
  #reports: number[] = [];

  constructor(client: ApiClient, groups: CalicoGroups) {
    this.#client = client;
    this.#groups = groups;
  }

  /** Annotations of the Node, as Calico writes them. The subresource takes metadata too, and needs fewer rights. */
  async patchNode(name: string, { ipv4Address, ipv6Address, asNumber }: NodePatch): Promise<void> {
    const annotations = {
      'projectcalico.org/IPv4Address': ipv4Address,
      'projectcalico.org/IPv6Address': ipv6Address,
      'projectcalico.org/ASNumber': asNumber === undefined ? undefined : String(asNumber),
    };
    // A null removes (RFC 7396 §2); what is undefined is left out of the JSON.
    const body = { type: 'application/merge-patch+json', value: { metadata: { annotations } } };
    const path = `/api/v1/nodes/${encodeURIComponent(name)}/status`;
    await this.#write(`Node "${name}"`, () => this.#client.send('PATCH', path, body));
  }

  /** Replaces the status as a whole, in the subresource where the kind has one. */
  async writeNodeStatus(name: string, status: object): Promise<void> {
    const body = { type: 'application/json-patch+json', value: [{ op: 'add', path: '/status', value: status }] };
    await this.#write(`CalicoNodeStatus "${name}"`, async () => {
      const path = `/apis/${await this.#groups.find()}/caliconodestatuses/${encodeURIComponent(name)}`;
      try {
        await this.#client.send('PATCH', `${path}/status`, body);
      } catch (error) {
        if (!(error instanceof ApiError) || error.status.code !== 404) throw error;
        await this.#client.send('PATCH', path, body);
      }
    });
  }

  /** An Event at the object. Beyond so many a minute problems are left out. */
  async report(problem: SourcedProblem): Promise<void> {
    const now = Date.now();
    this.#reports = this.#reports.filter((at) => now - at < 60_000);
    if (this.#reports.length >= EVENTS_A_MINUTE) return;
    this.#reports.push(now);
    const group = await this.#groups.find();
    const event = problemEvent(problem, group, new Date(now).toISOString());
    const namespace = event.metadata.namespace ?? EVENTS_NAMESPACE;
    const body = { type: 'application/json', value: event };
    await this.#write('an Event', async () => {
      try {
        await this.#client.send('POST', `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`, body);
      } catch (error) {
        // Another node, or this one before, has told it.
        if (!(error instanceof ApiError) || error.status.code !== 409) throw error;
      }
    });
  }

  async #write(what: string, request: () => Promise<unknown>): Promise<void> {
    try {
      await request();
    } catch (error) {
      const code = 'DATASTORE_UNWRITABLE';
      if (error instanceof ApiError && error.status.code === 401) this.#client.renewCredentials();
      throw new DatastoreError(`${what} can't be written: ${reasonOf(error)}`, { code, cause: error });
    }
  }
}
