import { describe, expect, it } from 'vitest';
import { wantedResources } from './api-resources.ts';
import type { ApiResource } from './api-resources.ts';
import { AnswerError, readList, readObject, readWatchEvent } from './raw-objects.ts';

const GROUP = 'projectcalico.org/v3';

function resource(name: string): ApiResource {
  const found = wantedResources({ nodeName: 'node-1', usePodCidr: false, purpose: 'routing', scope: 'all' }).find(
    (one) => one.name === name,
  );
  if (found === undefined) throw new RangeError(name);
  return found;
}

const SERVICE = resource('Service');
const metadata = {
  name: 'web',
  namespace: 'default',
  resourceVersion: '5',
  managedFields: [{}],
  uid: 'u',
  annotations: {
    'kubectl.kubernetes.io/last-applied-configuration': '{}',
    'projectcalico.org/loadBalancerIPs': '[]',
    'cni.projectcalico.org/x': 'y',
    'notprojectcalico.org/x': 'y',
  },
};

describe('readObject', () => {
  it('keeps what is needed and says what it is', () => {
    expect(readObject(SERVICE, GROUP, Buffer.from(JSON.stringify({ metadata, spec: { type: 'ClusterIP' } })))).toEqual({
      key: 'default/web',
      place: 'Service/default/web',
      version: '5',
      value: {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: {
          name: 'web',
          namespace: 'default',
          annotations: { 'projectcalico.org/loadBalancerIPs': '[]', 'cni.projectcalico.org/x': 'y' },
        },
        spec: { type: 'ClusterIP' },
      },
    });
  });

  it('leaves out the blocks of other nodes', () => {
    const read = (node: string) =>
      readObject(
        resource('BlockAffinity'),
        GROUP,
        Buffer.from(JSON.stringify({ metadata: { name: node }, spec: { node } })),
      );
    expect(read('node-1')).toMatchObject({ key: 'node-1' });
    expect(read('node-2')).toBeUndefined();
  });

  it('does not quote what it can not read', () => {
    expect(() => readObject(SERVICE, GROUP, Buffer.from('{"password": hunter2'))).toThrow(
      /^the answer holds something that is not JSON$/,
    );
    expect(() => readWatchEvent(SERVICE, GROUP, 'hunter2')).toThrow(/^the answer holds something that is not JSON$/);
  });
});

describe('readList', () => {
  it('takes what the next page is asked for with', () => {
    expect(readList(SERVICE, { metadata: { resourceVersion: '9', continue: 'more' } })).toEqual({
      revision: '9',
      next: 'more',
    });
    expect(readList(SERVICE, { metadata: { resourceVersion: '9', continue: '' } })).toEqual({ revision: '9' });
  });

  it.each([[undefined], ['text'], [{}], [{ metadata: {} }]])('does not take %j for a list', (body) => {
    expect(() => readList(SERVICE, body)).toThrow(AnswerError);
  });
});

describe('readWatchEvent', () => {
  const line = (type: string, object: unknown) => JSON.stringify({ type, object });
  const block = (node: string) => ({ metadata: { name: 'b', resourceVersion: '6' }, spec: { node } });

  it('reads what came, changed and went, and bookmarks', () => {
    for (const type of ['ADDED', 'MODIFIED']) {
      const event = readWatchEvent(SERVICE, GROUP, line(type, { metadata, spec: {} }));
      expect(event).toMatchObject({ type: 'put', revision: '5', item: { key: 'default/web' } });
    }
    const gone = readWatchEvent(SERVICE, GROUP, line('DELETED', { metadata, spec: {} }));
    expect(gone).toEqual({ type: 'delete', key: 'default/web', revision: '5' });
    const bookmark = line('BOOKMARK', { kind: 'Service', metadata: { resourceVersion: '12' } });
    expect(readWatchEvent(SERVICE, GROUP, bookmark)).toEqual({ type: 'bookmark', revision: '12' });
  });

  it('takes a block that went to another node for gone', () => {
    const read = (node: string) => readWatchEvent(resource('BlockAffinity'), GROUP, line('MODIFIED', block(node)));
    expect(read('node-1')).toMatchObject({ type: 'put' });
    expect(read('node-2')).toEqual({ type: 'delete', key: 'b', revision: '6' });
  });

  it('reads an error in the stream', () => {
    const object = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };
    expect(readWatchEvent(SERVICE, GROUP, line('ERROR', object))).toEqual({
      type: 'error',
      status: { code: 410, reason: 'Expired', message: 'too old resource version' },
    });
    expect(readWatchEvent(SERVICE, GROUP, line('ERROR', null))).toMatchObject({ status: { code: 500 } });
  });

  it.each([['{'], ['[]'], ['{"type":"ADDED"}'], ['{"type":"ADDED","object":{"metadata":{}}}']])(
    'refuses %s',
    (text) => {
      expect(() => readWatchEvent(SERVICE, GROUP, text)).toThrow(AnswerError);
    },
  );
});
