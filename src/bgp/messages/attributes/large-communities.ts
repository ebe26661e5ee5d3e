/**
 * LARGE_COMMUNITY (RFC 8092).
 */
import { readU32 } from '../../../net/address.ts';
import type { ByteWriter } from '../byte-writer.ts';

/** Three 32-bit numbers. */
export interface LargeCommunity {
  readonly globalAdministrator: number;
  readonly localData1: number;
  readonly localData2: number;
}

/** Reads the twelve bytes at `at`. */
export function readLargeCommunity(bytes: Uint8Array, at: number): LargeCommunity {
  return {
    globalAdministrator: readU32(bytes, at),
    localData1: readU32(bytes, at + 4),
    localData2: readU32(bytes, at + 8),
  };
}

/** Appends the twelve bytes of a community. */
export function writeLargeCommunity(community: LargeCommunity, out: ByteWriter): void {
  out.u32(community.globalAdministrator);
  out.u32(community.localData1);
  out.u32(community.localData2);
}

/** The canonical text of RFC 8092 §4, `65536:1:2`. */
export function formatLargeCommunity(community: LargeCommunity): string {
  return `${community.globalAdministrator}:${community.localData1}:${community.localData2}`;
}

/** The community that {@link formatLargeCommunity} writes so, or undefined. */
export function parseLargeCommunity(text: string): LargeCommunity | undefined {
  const match = /^(\d{1,10}):(\d{1,10}):(\d{1,10})$/.exec(text);
  if (match === null) return undefined;
  const [globalAdministrator, localData1, localData2] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (Math.max(globalAdministrator, localData1, localData2) > 0xffffffff) return undefined;
  return { globalAdministrator, localData1, localData2 };
}
