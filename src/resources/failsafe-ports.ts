/** Ports of hosts that stay open whatever policies say, as lists and as Felix' environment has them. */
import { z } from 'zod';
import { tryParsePrefix } from '../net/prefix.ts';
import { net, protocol } from './policy-rule.ts';

const WITH_PORTS: ReadonlySet<unknown> = new Set(['TCP', 'UDP', 'SCTP', 'UDPLite', 6, 17, 132, 136]);

const failsafePort = z.object({
  protocol: protocol
    .refine((written) => WITH_PORTS.has(written), 'must be TCP, UDP, SCTP or UDPLite: others have no ports')
    .default('TCP'),
  port: z.int().min(0).max(65535),
  /** The other end; any where it is not given. */
  net: net.optional(),
});

/** `tcp:22`, `udp:10.0.0.0/8:53`, `tcp:[fd00::/8]:22`; a number alone is a port of TCP. */
const TEXT_FORM = /^(?:([a-zA-Z0-9]+):)?(?:\[([^\]]+)\]:|([^:]+):)?(\d{1,5})$/;

export const failsafePortList = z.array(failsafePort);

/** A list, or the texts with commas between; `none` is no port. */
export const failsafePorts = z.union([failsafePortList, z.string().transform(readPorts).pipe(failsafePortList)]);

function readPorts(text: string, context: z.RefinementCtx): unknown[] {
  const items = text.trim().toLowerCase() === 'none' ? [] : text.split(',').map((item) => item.trim());
  return items.map((item) => {
    const [form, name, bracketed, bare, port] = TEXT_FORM.exec(item) ?? [];
    const within = bracketed ?? bare;
    const read = {
      ...(name === undefined ? {} : { protocol: name }),
      ...(within === undefined ? {} : { net: within }),
      port: Number(port),
    };
    const isPrefix = within === undefined || tryParsePrefix(within) !== undefined;
    if (form !== undefined && isPrefix && failsafePort.safeParse(read).success) return read;
    context.addIssue({ code: 'custom', message: `"${item}" is not a port such as "tcp:22" or "tcp:10.0.0.0/8:22"` });
    return z.NEVER;
  });
}
