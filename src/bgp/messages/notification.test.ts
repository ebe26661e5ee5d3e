import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorOf, hex, inSurroundings } from '../../../test/support/wire.ts';
import type { Notification } from './error.ts';
import { Framer, HEADER_LENGTH } from './framing.ts';
import {
  decodeNotification,
  describeNotification,
  encodeNotification,
  hardReset,
  shutdownCommunication,
} from './notification.ts';

function notification(code: number, subcode: number, data = ''): Notification {
  return { code, subcode, data: hex(data) };
}

describe('encodeNotification', () => {
  it('is a header, code, subcode and data', () => {
    expect(encodeNotification(notification(2, 1, '0004'))).toEqual(hex(`${'ff'.repeat(16)} 0017 03 02 01 0004`));
  });

  it('cuts data that would not fit into 4096 bytes', () => {
    const message = encodeNotification({ code: 3, subcode: 1, data: new Uint8Array(60_000) });
    expect(message).toHaveLength(4096);
    const seen: number[] = [];
    new Framer().feed(message, (type) => seen.push(type));
    expect(seen).toEqual([3]);
  });
});

describe('decodeNotification', () => {
  it('reads back what was written', () => {
    const notifications = fc.record({
      code: fc.integer({ min: 0, max: 255 }),
      subcode: fc.integer({ min: 0, max: 255 }),
      data: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(notifications, (notification) => {
        const body = encodeNotification(notification).subarray(HEADER_LENGTH);
        expect(inSurroundings(body, decodeNotification)).toEqual({ value: notification });
      }),
      { numRuns: 50 },
    );
  });

  it.each(['', '06'])('refuses a body of "%s"', (body) => {
    expect(errorOf(() => decodeNotification(hex(body), 0, hex(body).length))).toBe('1/2');
  });
});

describe('shutdownCommunication', () => {
  it('is a length and UTF-8', () => {
    expect(shutdownCommunication('späť')).toEqual(hex('06 7370 c3a4 c5a5'));
    expect(shutdownCommunication('')).toEqual(hex('00'));
  });

  it('is cut between characters at 255 bytes (RFC 9003 §2)', () => {
    const data = shutdownCommunication('€'.repeat(100));
    expect([data.length, data[0]]).toEqual([256, 255]);
    const odd = shutdownCommunication(`x${'€'.repeat(100)}`);
    expect([odd.length, odd[0]]).toEqual([254, 253]);
    expect(describeNotification({ code: 6, subcode: 2, data: odd })).toBe(
      `Cease / Administrative Shutdown: "x${'€'.repeat(84)}"`,
    );
  });
});

describe('describeNotification', () => {
  it.each([
    [notification(1, 1), 'Message Header Error / Connection Not Synchronized'],
    [notification(1, 2, '1001'), 'Message Header Error / Bad Message Length: length 4097'],
    [notification(1, 3, '09'), 'Message Header Error / Bad Message Type: type 9'],
    [notification(2, 0), 'OPEN Message Error'],
    [notification(2, 1, '0004'), 'OPEN Message Error / Unsupported Version Number: version 4 is supported'],
    [notification(2, 2, 'fde8'), 'OPEN Message Error / Bad Peer AS: AS 65000'],
    [notification(2, 2, 'fa56ea00'), 'OPEN Message Error / Bad Peer AS: AS 4200000000'],
    [notification(2, 6), 'OPEN Message Error / Unacceptable Hold Time'],
    [
      notification(2, 7, '4104 fa56ea00 4600'),
      'OPEN Message Error / Unsupported Capability: 4-octet AS 4200000000, enhanced route refresh',
    ],
    [notification(2, 7, '4104 fa'), 'OPEN Message Error / Unsupported Capability: data 4104fa'],
    [notification(2, 11), 'OPEN Message Error / Role Mismatch'],
    [notification(3, 1), 'UPDATE Message Error / Malformed Attribute List'],
    [notification(3, 6, '400101 09'), 'UPDATE Message Error / Invalid ORIGIN Attribute: attribute 40010109'],
    [notification(3, 99), 'UPDATE Message Error / subcode 99'],
    [notification(4, 0), 'Hold Timer Expired'],
    [notification(5, 2), 'Finite State Machine Error / Unexpected Message in OpenConfirm State'],
    [notification(6, 1, '0001 01 000003e8'), 'Cease / Maximum Number of Prefixes Reached: ipv4-unicast, at most 1000'],
    [notification(6, 2), 'Cease / Administrative Shutdown'],
    [notification(6, 2, '0b 6d61696e74656e616e6365'), 'Cease / Administrative Shutdown: "maintenance"'],
    [notification(6, 4, '02 6f6b'), 'Cease / Administrative Reset: "ok"'],
    [notification(6, 2, '05 6f6b'), 'Cease / Administrative Shutdown: data 056f6b'],
    [notification(6, 2, '02 ffff'), 'Cease / Administrative Shutdown: data 02ffff'],
    [notification(6, 2, '03 610a22'), String.raw`Cease / Administrative Shutdown: "a\u000a\""`],
    [notification(6, 7), 'Cease / Connection Collision Resolution'],
    [notification(6, 9, '06 02 02 6f6b'), 'Cease / Hard Reset: Cease / Administrative Shutdown: "ok"'],
    [notification(6, 9, '06'), 'Cease / Hard Reset: data 06'],
    [notification(6, 10), 'Cease / BFD Down'],
    [notification(7, 1), 'ROUTE-REFRESH Message Error / Invalid Message Length'],
    [notification(8, 0), 'Send Hold Timer Expired'],
    [notification(99, 3, 'beef'), 'error code 99 / subcode 3: data beef'],
  ])('words %j', (notification, words) => {
    expect(describeNotification(notification)).toBe(words);
  });

  it('words what a hard reset stands for', () => {
    const reason = { code: 6, subcode: 2, data: shutdownCommunication('bye') };
    expect(describeNotification(hardReset(reason))).toBe('Cease / Hard Reset: Cease / Administrative Shutdown: "bye"');
  });

  it('finds words for anything, on one line', () => {
    const codes = fc.integer({ min: 0, max: 12 });
    const notifications = fc.record({ code: codes, subcode: codes, data: fc.uint8Array({ maxLength: 40 }) });
    fc.assert(
      fc.property(notifications, (notification) => {
        expect(describeNotification(notification)).toMatch(/^[^\p{Cc}]+$/u);
      }),
      { numRuns: 300 },
    );
  });
});
