/** Announces and withdraws routes with GoBGP's gRPC API, as programs do that use it to announce services. */
import { Client, credentials } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import type { Changer } from '../load/services.ts';
import { DUT_ADDRESS } from '../plan.ts';
import { serviceAddress } from './cluster.ts';

/** Where gobgpd listens for this. */
export const GOBGP_PORT = 50_051;

/** The part of GoBGP's `gobgp.proto` and `attribute.proto` that is needed, with their field numbers. */
const DEFINITIONS = fromJSON({
  nested: {
    Any: { fields: { typeUrl: { type: 'string', id: 1 }, value: { type: 'bytes', id: 2 } } },
    Family: { fields: { afi: { type: 'int32', id: 1 }, safi: { type: 'int32', id: 2 } } },
    IPAddressPrefix: { fields: { prefixLen: { type: 'uint32', id: 1 }, prefix: { type: 'string', id: 2 } } },
    OriginAttribute: { fields: { origin: { type: 'uint32', id: 1 } } },
    NextHopAttribute: { fields: { nextHop: { type: 'string', id: 1 } } },
    Path: {
      fields: {
        nlri: { type: 'Any', id: 1 },
        pattrs: { rule: 'repeated', type: 'Any', id: 2 },
        isWithdraw: { type: 'bool', id: 5 },
        family: { type: 'Family', id: 9 },
      },
    },
    PathRequest: { fields: { tableType: { type: 'int32', id: 1 }, path: { type: 'Path', id: 3 } } },
    /** DeletePathRequest has the path in another place. */
    DeleteRequest: {
      fields: { tableType: { type: 'int32', id: 1 }, family: { type: 'Family', id: 3 }, path: { type: 'Path', id: 4 } },
    },
    Answer: { fields: { uuid: { type: 'bytes', id: 1 } } },
    Encoding: {
      methods: {
        prefix: { requestType: 'IPAddressPrefix', responseType: 'Answer', comment: '' },
        origin: { requestType: 'OriginAttribute', responseType: 'Answer', comment: '' },
        nextHop: { requestType: 'NextHopAttribute', responseType: 'Answer', comment: '' },
      },
    },
    GobgpApi: {
      methods: {
        AddPath: { requestType: 'PathRequest', responseType: 'Answer', comment: '' },
        DeletePath: { requestType: 'DeleteRequest', responseType: 'Answer', comment: '' },
      },
    },
  },
});

interface Encoder {
  readonly requestSerialize: (message: object) => Buffer;
}

function method(service: string, name: string): Encoder {
  const definition = DEFINITIONS[service] as unknown as Readonly<Record<string, Encoder>>;
  return definition[name];
}

function any(type: string, name: string, message: object): object {
  return { typeUrl: `type.googleapis.com/apipb.${type}`, value: method('Encoding', name).requestSerialize(message) };
}

const FAMILY = { afi: 1, safi: 1 };

/** Announces all routes at once; `count` of them. */
export async function startGobgpChanger(count: number): Promise<Changer> {
  const client = new Client(`${DUT_ADDRESS}:${GOBGP_PORT}`, credentials.createInsecure());
  const common = [
    any('OriginAttribute', 'origin', { origin: 0 }),
    any('NextHopAttribute', 'nextHop', { nextHop: DUT_ADDRESS }),
  ];
  const call = (index: number, up: boolean): Promise<void> => {
    const nlri = any('IPAddressPrefix', 'prefix', { prefixLen: 32, prefix: serviceAddress(index) });
    const path = { nlri, pattrs: common, family: FAMILY };
    const name = up ? 'AddPath' : 'DeletePath';
    const request = up ? { tableType: 0, path } : { tableType: 0, family: FAMILY, path };
    const serialize = method('GobgpApi', name).requestSerialize;
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        `/apipb.GobgpApi/${name}`,
        serialize,
        (bytes) => bytes,
        request,
        (error) => (error === null ? resolve() : reject(error)),
      );
    });
  };
  for (let index = 0; index < count; index += 100) {
    await Promise.all(Array.from({ length: Math.min(100, count - index) }, (_, number) => call(index + number, true)));
  }
  return {
    change(index, up) {
      void call(index, up).catch((error: unknown) => {
        throw error;
      });
    },
  };
}
