/** What a node writes to etcd. An object is only replaced as it was read, so that nobody's change is lost. */
import { randomUUID } from 'node:crypto';
import { isJsonObject } from '../../resources/resource.ts';
import type { JsonObject } from '../../resources/resource.ts';
import { DatastoreError } from '../datastore-error.ts';
import type { DatastoreWriter, NodePatch } from '../datastore.ts';
import { calicoKey } from './calico-keys.ts';
import { EtcdError, etcdError } from './etcd-error.ts';
import type { EtcdSession } from './session.ts';

/** How often an object is read again because somebody else has changed it. */
const ATTEMPTS = 20;

/** Gives the object as it should be, or undefined where it should stay as it is. `before` is undefined where there is none. */
type Edit = (before: JsonObject | undefined) => JsonObject | undefined;

export class EtcdWriter implements DatastoreWriter {
  readonly #connected: () => EtcdSession;

  /** `connected` gives the session, or throws {@link EtcdError} where there is none. */
  constructor(connected: () => EtcdSession) {
    this.#connected = connected;
  }

  patchNode(name: string, patch: NodePatch): Promise<void> {
    return this.#edit(calicoKey('nodes', name), (before) =>
      patched(before ?? newNode(name), patch, before === undefined),
    );
  }

  writeNodeStatus(name: string, status: object): Promise<void> {
    return this.#edit(calicoKey('caliconodestatuses', name), (before) => {
      if (before === undefined) throw new EtcdError('other', 'there is no such CalicoNodeStatus');
      return { ...before, status };
    });
  }

  async #edit(place: string, edit: Edit): Promise<void> {
    try {
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        if (await tryEdit(this.#connected(), Buffer.from(place), edit)) return;
      }
      throw new EtcdError('other', 'it changes faster than it can be written');
    } catch (error) {
      const { message } = etcdError(error);
      throw new DatastoreError(`${place} can't be written: ${message}`, { cause: error, code: 'DATASTORE_UNWRITABLE' });
    }
  }
}

/** Whether it is done; false where somebody else has changed the object in between. */
async function tryEdit(session: EtcdSession, key: Buffer, edit: Edit): Promise<boolean> {
  const { kvs } = await session.range({ key });
  const [kv] = kvs.length > 0 ? kvs : [undefined];
  const after = edit(kv && parse(kv.value));
  if (after === undefined) return true;
  const { succeeded } = await session.txn({
    compare: [{ target: 'MOD', key, modRevision: kv?.modRevision ?? 0 }],
    success: [{ requestPut: { key, value: Buffer.from(JSON.stringify(after)) } }],
  });
  return succeeded;
}

function parse(value: Buffer): JsonObject {
  let object: unknown;
  try {
    object = JSON.parse(value.toString());
  } catch {
    object = undefined;
  }
  if (!isJsonObject(object)) throw new EtcdError('other', 'what it holds is not a JSON object, and is not overwritten');
  return object;
}

function newNode(name: string): JsonObject {
  return {
    kind: 'Node',
    apiVersion: 'projectcalico.org/v3',
    metadata: { name, uid: randomUUID(), creationTimestamp: new Date().toISOString().replace(/\.\d+Z$/, 'Z') },
    spec: {},
  };
}

/** The Node with the patch applied; undefined where it has all of it already. */
function patched(node: JsonObject, patch: NodePatch, isNew: boolean): JsonObject | undefined {
  const spec = isJsonObject(node['spec']) ? node['spec'] : {};
  const before = isJsonObject(spec['bgp']) ? spec['bgp'] : {};
  const wanted = Object.entries(patch).filter(([, value]) => value !== undefined);
  const isDone = wanted.every(([field, value]) => (value === null ? !(field in before) : before[field] === value));
  if (isDone && !isNew) return undefined;
  const bgp = Object.fromEntries(Object.entries({ ...before, ...patch }).filter(([, value]) => value !== null));
  return { ...node, spec: { ...spec, bgp } };
}
