import { EventEmitter } from 'node:events';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { beforeEach, describe, expect, it } from 'vitest';
import type { WatchRequest, WatchResponse } from './rpc.ts';
import { WatchStream } from './watch-stream.ts';

/** A stream whose other end is the test. */
class Call extends EventEmitter {
  readonly requests: WatchRequest[] = [];

  write(request: WatchRequest): void {
    this.requests.push(request);
  }

  cancel(): void {
    this.emit('error', new Error('cancelled'));
  }

  answer(response: Partial<WatchResponse>): void {
    const header = { clusterId: 1, revision: 100 };
    const nothing = {
      watchId: 0,
      created: false,
      canceled: false,
      compactRevision: 0,
      cancelReason: '',
      fragment: false,
    };
    this.emit('data', { header, ...nothing, events: [], ...response });
  }
}

let call: Call;
let stream: WatchStream;
let log: string[];

const put = (key: string) => ({
  type: 'PUT' as const,
  kv: { key: Buffer.from(key), modRevision: 7, value: Buffer.alloc(0) },
});

function watch(name: string): void {
  const request = { key: Buffer.from(name), startRevision: 1, progressNotify: true, fragment: true };
  stream
    .watch(request, {
      created: () => log.push(`${name} created`),
      changed: (events) => log.push(`${name} ${events.map(({ kv }) => kv.key.toString()).join()}`),
      progressed: (revision) => log.push(`${name} at ${revision}`),
    })
    .catch((error: unknown) => log.push(`${name}: ${error instanceof Error ? error.message : 'no error'}`));
}

const turn = () => new Promise((resolve) => void setImmediate(resolve));

beforeEach(() => {
  log = [];
  call = new Call();
  stream = new WatchStream(call as unknown as ClientDuplexStream<WatchRequest, WatchResponse>, {
    heard: (revision, progress) => progress && log.push(`progress ${revision}`),
    ended: ({ message }) => log.push(`ended: ${message}`),
  });
});

describe('a stream of watches', () => {
  it('gives each what is its own', () => {
    watch('a');
    watch('b');
    call.answer({ watchId: 4, created: true });
    call.answer({ watchId: 2, created: true });
    call.answer({ watchId: 2, events: [put('x')] });
    call.answer({ watchId: 4, events: [put('y'), put('z')] });
    call.answer({ watchId: 9, events: [put('?')] });
    expect(log).toEqual(['a created', 'b created', 'b x', 'a y,z']);
  });

  it('puts together what comes in parts', () => {
    watch('a');
    watch('b');
    call.answer({ watchId: 0, created: true });
    call.answer({ watchId: 1, created: true });
    call.answer({ watchId: 0, events: [put('x')], fragment: true });
    call.answer({ watchId: 1, events: [put('u')] });
    call.answer({ watchId: 0, events: [put('y')], fragment: true });
    call.answer({ watchId: 0, events: [put('z')] });
    call.answer({ watchId: 0, events: [put('w')] });
    expect(log.slice(2)).toEqual(['b u', 'a x,y,z', 'a w']);
  });

  it('knows which watch is refused where the answer has no id', async () => {
    watch('a');
    watch('b');
    call.answer({ watchId: -1, created: true, canceled: true, cancelReason: 'etcdserver: permission denied' });
    call.answer({ watchId: 0, created: true });
    call.answer({ watchId: 0, events: [put('x')] });
    await turn();
    expect(log).toEqual(['b created', 'b x', expect.stringMatching(/^a: permission denied/)]);
  });

  it('ends a watch that wants what is not kept any more, and no other', async () => {
    watch('a');
    watch('b');
    call.answer({ watchId: 0, created: true });
    call.answer({ watchId: 1, created: true });
    call.answer({ watchId: 0, canceled: true, compactRevision: 50 });
    call.answer({ watchId: 1, events: [put('x')] });
    await turn();
    expect(log.slice(2)).toEqual(['b x', 'a: the changes before revision 50 are compacted']);
  });

  it('tells how far a member is that has nothing new', () => {
    watch('a');
    call.answer({ watchId: 0, created: true });
    stream.requestProgress();
    call.answer({ watchId: -1 });
    call.answer({ watchId: 0 });
    expect(call.requests.at(-1)).toEqual({ progressRequest: {} });
    expect(log.slice(1)).toEqual(['progress 100', 'a at 100']);
  });

  it('ends all watches when it ends, and takes no more', async () => {
    watch('a');
    watch('b');
    call.answer({ watchId: 0, created: true });
    call.emit('end');
    watch('c');
    await turn();
    const words = 'the member has closed the connection';
    expect(log).toEqual(['a created', `ended: ${words}`, `b: ${words}`, `a: ${words}`, `c: ${words}`]);
  });
});
