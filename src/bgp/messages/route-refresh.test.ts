import { describe, expect, it } from 'vitest';
import { errorOf, hex, outcome } from '../../../test/support/wire.ts';
import { REFRESH_BEGIN, decodeRouteRefresh, encodeRouteRefresh } from './route-refresh.ts';

function decode(text: string) {
  const bytes = hex(text);
  return decodeRouteRefresh(bytes, 0, bytes.length);
}

describe('ROUTE-REFRESH', () => {
  it('is AFI, subtype and SAFI', () => {
    expect(encodeRouteRefresh(2, 1)).toEqual(hex(`${'ff'.repeat(16)} 0017 05 0002 00 01`));
    expect(encodeRouteRefresh(1, 1, REFRESH_BEGIN)).toEqual(hex(`${'ff'.repeat(16)} 0017 05 0001 01 01`));
    expect(decode('0001 02 01')).toEqual({ afi: 1, safi: 1, subtype: 2 });
  });

  it('takes a request with outbound filters as a request', () => {
    expect(decode('0001 00 01 01 80 0001 00')).toEqual({ afi: 1, safi: 1, subtype: 0 });
  });

  it.each(['0001 01', '0001 02 01 00'])(
    'answers a demarcation of a wrong length with 7/1 and the message: %s',
    (body) => {
      const length = (19 + hex(body).length).toString(16).padStart(4, '0');
      expect(outcome(() => decode(body))).toMatchObject({
        error: { code: 7, subcode: 1, data: hex(`${'ff'.repeat(16)} ${length} 05 ${body}`) },
      });
    },
  );

  it.each(['', '00', '0001', '0001 00', '0001 07'])('answers a body of "%s" with 1/2', (body) => {
    expect(errorOf(() => decode(body))).toBe('1/2');
  });
});
