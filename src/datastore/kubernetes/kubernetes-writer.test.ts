import { describe, expect, it } from 'vitest';
import type { SourcedProblem } from '../datastore.ts';
import { ApiError } from './api-status.ts';
import type { ApiClient } from './api-client.ts';
import { CalicoGroups } from './calico-groups.ts';
import { KubernetesWriter } from './kubernetes-writer.ts';
import { problemEvent } from './problem-event.ts';

const problem = (name: string): SourcedProblem => ({
  source: `BGPPeer/${name}`,
  kind: 'BGPPeer',
  name,
  path: ['spec'],
  message: `BGPPeer "${name}": spec: is wrong`,
  severity: 'error',
});

/** A writer, and the paths of what it sends; all of it is answered with `code`. */
function writerOf(code = 200): { writer: KubernetesWriter; sent: string[] } {
  const sent: string[] = [];
  const send = (_: string, path: string) => {
    sent.push(path);
    return code === 200 ? Promise.resolve({}) : Promise.reject(new ApiError({ code, reason: '', message: 'no' }));
  };
  const client = { send, renewCredentials: () => sent.push('renew') } as unknown as ApiClient;
  return { writer: new KubernetesWriter(client, new CalicoGroups(client, 'projectcalico.org/v3')), sent };
}

describe('KubernetesWriter', () => {
  it('makes no more than a few Events a minute', async () => {
    const { writer, sent } = writerOf();
    for (let index = 0; index < 30; index++) await writer.report(problem(`peer-${index}`));
    expect(sent).toEqual(Array.from({ length: 10 }, () => '/api/v1/namespaces/default/events'));
  });

  it('takes an Event that is there already for its own', async () => {
    const { writer, sent } = writerOf(409);
    await writer.report(problem('a'));
    expect(sent).toHaveLength(1);
  });

  it('says what could not be written', async () => {
    const { writer, sent } = writerOf(401);
    await expect(writer.patchNode('node-1', { asNumber: 1 })).rejects.toMatchObject({
      code: 'DATASTORE_UNWRITABLE',
      message: expect.stringMatching(/^Node "node-1" can't be written: .*credentials/),
    });
    expect(sent).toEqual(['/api/v1/nodes/node-1/status', 'renew']);
  });

  it('looks for a status where the kind has no subresource', async () => {
    const { writer, sent } = writerOf(404);
    await expect(writer.writeNodeStatus('a b', {})).rejects.toThrow('CalicoNodeStatus "a b"');
    const path = '/apis/projectcalico.org/v3/caliconodestatuses/a%20b';
    expect(sent).toEqual([`${path}/status`, path]);
  });
});

describe('problemEvent', () => {
  const TIME = '2026-01-02T03:04:05Z';

  it('is at the object, in its namespace, and the same wherever it is made', () => {
    const event = problemEvent(
      { ...problem('a'), source: 'Service/shop/web', severity: 'warning' },
      'projectcalico.org/v3',
      TIME,
    );
    expect(event).toMatchObject({
      metadata: { name: expect.stringMatching(/^starling-[0-9a-f]{16}$/), namespace: 'shop' },
      involvedObject: { apiVersion: 'v1', kind: 'Service', namespace: 'shop', name: 'web' },
      type: 'Warning',
      firstTimestamp: TIME,
      count: 1,
    });
  });

  it('is another for other words, and no longer than the API takes', () => {
    const nameOf = (message: string) =>
      problemEvent({ ...problem('a'), message }, 'projectcalico.org/v3', TIME).metadata.name;
    expect(nameOf('one')).not.toBe(nameOf('two'));
    expect(
      problemEvent({ ...problem('a'), message: 'x'.repeat(5000) }, 'projectcalico.org/v3', TIME).message,
    ).toHaveLength(1024);
  });
});
