/** The schema of `fib.rules`: policy rules of the kernel (ip-rule(8)) that lead to the table of our routes. */
import { z } from 'zod';
import { IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import { formatPrefix, tryParsePrefix } from '../net/prefix.ts';

/** Longest name of an interface (IFNAMSIZ without the final zero, linux/if.h). */
const LONGEST_NAME = 15;

/** The name of an interface; may be a glob, whose `*` stands for any characters. */
export const interfaceName = z
  .string()
  .regex(/^[^\s/]+$/, 'must be the name of an interface')
  .max(LONGEST_NAME);

const selector = z.string().transform((text, context): string => {
  const prefix = tryParsePrefix(text);
  if (prefix !== undefined) return formatPrefix(prefix);
  context.addIssue({ code: 'custom', message: `must be a prefix or an address, not "${text}"` });
  return z.NEVER;
});

const u32 = z.int().min(0).max(0xffffffff);

/** A rule; without `family` and prefixes it is made for both families. */
export const fibRule = z
  .strictObject({
    // 0 is the kernel's own rule for local addresses.
    priority: z.int().min(1).max(0xffffffff),
    family: z
      .enum(['ipv4', 'ipv6'])
      .transform((name): Family => (name === 'ipv4' ? IPV4_UNICAST : IPV6_UNICAST))
      .optional(),
    from: selector.optional(),
    to: selector.optional(),
    incomingInterface: interfaceName.optional(),
    fwmark: u32.optional(),
    fwmask: u32.optional(),
  })
  .superRefine(({ family, from, to, fwmark, fwmask }, context) => {
    const families = [family, familyOf(from), familyOf(to)].filter((one) => one !== undefined);
    if (new Set(families).size > 1) {
      context.addIssue({ code: 'custom', message: 'must have family, from and to of one address family' });
    }
    if (fwmask !== undefined && fwmark === undefined) {
      context.addIssue({ code: 'custom', path: ['fwmask'], message: 'needs fwmark' });
    }
  });

function familyOf(prefix: string | undefined): number | undefined {
  return prefix === undefined ? undefined : tryParsePrefix(prefix)?.family;
}
