/**
 * What the kernel refused, and why.
 */
import { getSystemErrorMap } from 'node:util';
import { NLMSGERR_ATTR_MSG, NLMSG_HDRLEN, NLM_F_ACK_TLVS, NLM_F_CAPPED } from './constants.ts';
import { AttributeReader } from './message-reader.ts';
import type { MessageReader } from './message-reader.ts';

/** A request that the kernel refused, or that the socket could not carry. */
export class NetlinkError extends Error {
  readonly code = 'NETLINK';
  /** Name of the error, e.g. `EEXIST` (errno(3)). */
  readonly errno: string;
  /** The kernel's own words (`NLMSGERR_ATTR_MSG`), where it gave some. */
  readonly extAck: string | undefined;
  /** What was asked, e.g. `add next hop 10.0.0.1 dev eth0`. */
  readonly request: string;

  constructor(request: string, errno: number, extAck?: string) {
    const [name, description] = getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, 'unknown error'];
    super(`${request}: ${wordsFor(name, extAck ?? description)} (${name})`);
    this.name = 'NetlinkError';
    this.errno = name;
    this.extAck = extAck;
    this.request = request;
  }
}

function wordsFor(errno: string, description: string): string {
  return errno === 'EPERM' ? `${description}; that needs CAP_NET_ADMIN` : description;
}

/** The error number and extended-ack text of an `NLMSG_ERROR` message; the number is 0 for an acknowledgement. */
export function readFailure(message: MessageReader): { errno: number; extAck: string | undefined } {
  const errno = -message.i32(0);
  if (errno === 0 || (message.flags & NLM_F_ACK_TLVS) === 0) return { errno, extAck: undefined };
  // The refused message follows: its header only where the kernel capped it (NETLINK_CAP_ACK), else all of it.
  const refused = (message.flags & NLM_F_CAPPED) === 0 ? Math.max(message.u32(4), NLMSG_HDRLEN) : NLMSG_HDRLEN;
  const attributes = new AttributeReader();
  attributes.reset(message, 4 + ((refused + 3) & ~3));
  while (attributes.next()) {
    if (attributes.type === NLMSGERR_ATTR_MSG) return { errno, extAck: attributes.text() };
  }
  return { errno, extAck: undefined };
}
