import { describe, expect, it } from 'vitest';
import {
  NLMSGERR_ATTR_MSG,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_DUMP_INTR,
  RTM_DELROUTE,
  RTM_NEWROUTE,
} from './constants.ts';
import { MessageWriter } from './message-writer.ts';
import { NetlinkClient } from './netlink-client.ts';
import type { NetlinkPort } from './netlink-client.ts';
import { NetlinkError } from './netlink-error.ts';

const [EINVAL, EAGAIN] = [22, 11];

/** One message with this payload, as the kernel answers it. */
function answer(
  type: number,
  flags: number,
  sequence: number,
  payload: readonly number[],
  extAck?: string,
): Uint8Array {
  const attributes = new MessageWriter();
  if (extAck !== undefined) attributes.attributeString(NLMSGERR_ATTR_MSG, extAck);
  const bytes = new Uint8Array(16 + payload.length * 4 + attributes.length);
  const view = new DataView(bytes.buffer);
  new Uint32Array(bytes.buffer).set([bytes.length, 0, sequence, 0, ...payload]);
  new Uint16Array(bytes.buffer).set([type, flags], 2);
  bytes.set(attributes.bytes.subarray(0, attributes.length), view.byteLength - attributes.length);
  return bytes;
}

/** An `NLMSG_ERROR`, with the header of the refused message as the kernel caps it. */
function refusal(sequence: number, errno: number, extAck?: string): Uint8Array {
  const flags = NLM_F_CAPPED | (extAck === undefined ? 0 : NLM_F_ACK_TLVS);
  return answer(NLMSG_ERROR, flags, sequence, [-errno >>> 0, 16, 0, sequence, 0], extAck);
}

/** A kernel that gives these datagrams, whatever it is asked. */
function kernel(datagrams: readonly Uint8Array[]): NetlinkPort {
  const queue = [...datagrams];
  return {
    send: () => {},
    receive: (buffer) => {
      const next = queue.shift();
      if (next === undefined) throw new NetlinkError('read from the kernel', EAGAIN);
      buffer.set(next);
      return next.length;
    },
  };
}

function batch(size: number): MessageWriter {
  const writer = new MessageWriter();
  for (let i = 0; i < size; i++) {
    writer.begin(RTM_DELROUTE, 0);
    writer.end();
  }
  return writer;
}

describe('NetlinkClient', () => {
  it('gives each failure of a batch its place and the words of the kernel', () => {
    const client = new NetlinkClient(kernel([refusal(2, EINVAL, 'Nexthop has invalid gateway'), refusal(3, 0)]));
    const failures: unknown[] = [];
    client.execute(batch(3), (...failure) => failures.push(failure));
    expect(failures).toEqual([[1, EINVAL, 'Nexthop has invalid gateway']]);
  });

  it('ends a batch whose last message fails, and takes no late answer for one of its own', () => {
    const client = new NetlinkClient(kernel([refusal(77, EINVAL), refusal(3, EINVAL)]));
    const failures: number[] = [];
    client.execute(batch(3), (index) => failures.push(index));
    expect(failures).toEqual([2]);
  });

  it('sends nothing for an empty batch', () => {
    const client = new NetlinkClient(kernel([]));
    expect(() => client.execute(new MessageWriter(), () => {})).not.toThrow();
  });

  it('fails with words when the answer got lost', () => {
    const client = new NetlinkClient(kernel([]));
    expect(() => client.execute(batch(1), () => {})).toThrow(/read from the kernel: .* \(EAGAIN\)/);
  });

  it('throws what a single request is refused for', () => {
    const client = new NetlinkClient(kernel([refusal(1, 1)]));
    expect(() => client.request(batch(1), 'add a thing')).toThrow(
      'add a thing: operation not permitted; that needs CAP_NET_ADMIN (EPERM)',
    );
  });

  it('names an error that it does not know by number', () => {
    expect(new NetlinkError('do it', 524).message).toBe('do it: unknown error (errno 524)');
  });

  it('collects a dump over several datagrams and says whether it can be relied on', () => {
    const route = (flags: number, value: number) => answer(RTM_NEWROUTE, flags, 1, [value, 0, 0]);
    const done = answer(NLMSG_DONE, 0, 1, [0]);
    for (const flags of [0, NLM_F_DUMP_INTR]) {
      const client = new NetlinkClient(kernel([route(0, 7), route(flags, 8), done]));
      const seen: number[] = [];
      const consistent = client.dump(batch(1), 'list', (message) => seen.push(message.u32(0)));
      expect([seen, consistent]).toEqual([[7, 8], flags === 0]);
    }
  });

  it('throws what a dump is refused for', () => {
    const client = new NetlinkClient(kernel([refusal(1, 95)]));
    expect(() => client.dump(batch(1), 'list next hops', () => {})).toThrow(/^list next hops: .*\(ENOTSUP\)$/);
  });

  it('gives the answer to a question', () => {
    const client = new NetlinkClient(kernel([answer(RTM_NEWROUTE, 0, 1, [42])]));
    let seen = 0;
    client.get(batch(1), 'ask', (message) => (seen = message.u32(0)));
    expect(seen).toBe(42);
  });
});
