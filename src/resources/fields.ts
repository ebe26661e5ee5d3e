/** Schemas of the values that the fields of several kinds have. Each turns what is valid into its canonical form. */
import { z } from 'zod';
import { canonicalAddress, tryParseAddress } from '../net/address.ts';
import { IPV4_UNICAST, IPV6_UNICAST } from '../net/family.ts';
import type { Family } from '../net/family.ts';
import { formatPrefix, tryParsePrefix } from '../net/prefix.ts';
import { parseAsNumber } from './as-number.ts';
import { parseCommunity } from './community.ts';
import { durationSeconds } from './duration.ts';
import { parseInterfaceAddress } from './peer-address.ts';
import { isJsonObject } from './resource.ts';
import { SelectorError, parseSelector } from './selector.ts';

/** What a JSON schema says of a text that is more than a text; the field itself is read without it. */
interface TextForm {
  readonly format?: string;
  readonly pattern?: string;
  readonly maxLength?: number;
}

/** A string that `read` can make sense of; `expected` says what it should be, `form` so to others. */
export function textField(
  read: (text: string) => string | undefined,
  expected: string,
  form: TextForm = {},
): z.ZodType<string, string> {
  const field = z.string().transform((text, context) => {
    const canonical = read(text);
    if (canonical !== undefined) return canonical;
    context.addIssue({ code: 'custom', message: `"${text}" is not ${expected}` });
    return z.NEVER;
  });
  return field.meta({ ...form });
}

/** An optional field in which an empty text says the same as no field, as it does to Calico. */
export function emptyAsUnset<S extends z.ZodType>(schema: S) {
  return z.preprocess((value) => (value === '' ? undefined : value), schema.optional()).optional();
}

/** One of some words in any case, as Calico reads them from its environment; becomes the word as it is listed. */
export function caseless<const W extends string>(words: readonly W[]) {
  return z.preprocess(
    (value) => words.find((word) => word.toLowerCase() === String(value).toLowerCase()) ?? value,
    z.enum(words),
  );
}

/** An AS number, which becomes a number. AS 0 is refused (RFC 7607). */
export const asNumber = z
  .union([z.number(), z.string()])
  .transform((value, context): number => {
    const as = parseAsNumber(value);
    if (as === undefined) {
      context.addIssue({
        code: 'custom',
        message: `${JSON.stringify(value)} is not an AS number (1 to 4294967295, or two parts as "1.10")`,
      });
      return z.NEVER;
    }
    if (as === 0) context.addIssue({ code: 'custom', message: 'AS 0 is reserved and can not be used (RFC 7607)' });
    return as;
  })
  .meta({ minimum: 1, maximum: 4294967295, pattern: '^([1-9][0-9]{0,9}|[0-9]{1,5}\\.[0-9]{1,5})$' });

function readAddress(text: string, family?: Family): string | undefined {
  const address = tryParseAddress(text);
  if (address === undefined || address.zone !== undefined) return undefined;
  return family === undefined || address.family === family ? canonicalAddress(text) : undefined;
}

export const ipAddress = textField((text) => readAddress(text), 'an IP address');
export const ipv4Address = textField((text) => readAddress(text, IPV4_UNICAST), 'an IPv4 address');
export const ipv6Address = textField((text) => readAddress(text, IPV6_UNICAST), 'an IPv6 address');

function readCidr(text: string, family?: Family): string | undefined {
  const prefix = text.includes('/') ? tryParsePrefix(text) : undefined;
  if (prefix === undefined || (family !== undefined && prefix.family !== family)) return undefined;
  return formatPrefix(prefix);
}

const CIDR: TextForm = { format: 'cidr', maxLength: 64 };

/** A prefix; bits beyond its length are cleared. */
export const cidr = textField((text) => readCidr(text), 'an IP prefix such as 10.0.0.0/8', CIDR);
export const ipv4Cidr = textField((text) => readCidr(text, IPV4_UNICAST), 'an IPv4 prefix such as 10.0.0.0/8', CIDR);
export const ipv6Cidr = textField((text) => readCidr(text, IPV6_UNICAST), 'an IPv6 prefix such as fd00::/8', CIDR);

function readInterfaceAddress(text: string, family: Family): string | undefined {
  const parsed = parseInterfaceAddress(text);
  return parsed?.family === family ? `${parsed.address}/${parsed.prefixLength}` : undefined;
}

/** `address/length`; a bare address gets the length of a host. */
export const ipv4InterfaceAddress = textField(
  (text) => readInterfaceAddress(text, IPV4_UNICAST),
  'an IPv4 address with its prefix length, such as 192.0.2.1/24',
);
export const ipv6InterfaceAddress = textField(
  (text) => readInterfaceAddress(text, IPV6_UNICAST),
  'an IPv6 address with its prefix length, such as 2001:db8::1/64',
);

/** A duration of zero or more, kept as written; see `durationSeconds`. */
export const duration = textField(
  (text) => {
    const seconds = durationSeconds(text);
    return seconds !== undefined && seconds >= 0 ? text : undefined;
  },
  'a duration such as "120s" or "1m30s"',
  { pattern: '^(0|(([0-9]+\\.?[0-9]*|\\.[0-9]+)(ns|us|µs|ms|s|m|h))+)$', maxLength: 64 },
);

export const community = textField(
  (text) => (parseCommunity(text) === undefined ? undefined : text.split(':').map(Number).join(':')),
  'a community such as "64512:100", or a large one such as "64512:1:100"',
  { pattern: '^[0-9]{1,10}(:[0-9]{1,10}){1,2}$', maxLength: 32 },
);

export const labelKey = textField(
  (text) => (/^[a-zA-Z0-9]([a-zA-Z0-9_./-]{0,315}[a-zA-Z0-9])?$/.test(text) ? text : undefined),
  'the key of a label, such as topology.kubernetes.io/zone',
);

/** Texts that become values in selectors, whose language has no escapes. */
export const NO_QUOTES = /^[^"']*$/;
export const UNQUOTED = 'must not have quotes';

/** No shorter selector is nested as deeply, or has labels as long, as can be read. */
const ALWAYS_ROOM = 80;

/** As deep as selectors of policies are put into others. */
const NESTED = '!'.repeat(10);

/** A selector, kept as written; see `parseSelector`. */
export const selector = z
  .string()
  .max(1024)
  .check((context) => {
    try {
      const selector = parseSelector(context.value);
      // It becomes part of others, deeper and with longer names of labels; these must be read again.
      if (context.value.length > ALWAYS_ROOM) parseSelector(`${NESTED}${selector.withPrefix('pcns.').toString()}`);
    } catch (error) {
      if (!(error instanceof SelectorError)) throw error;
      context.issues.push({ code: 'custom', message: error.message, input: context.value });
    }
  });

/** Glob over interface names, of at most the length that Linux allows for one. */
export const interfaceGlob = textField(
  (text) => (/^[a-zA-Z0-9_.*-]{1,15}$/.test(text) ? text : undefined),
  'an interface name or glob of 1 to 15 letters, digits, ".", "_", "-" or "*"',
  { pattern: '^[a-zA-Z0-9_.*-]{1,15}$' },
);

/** A key of a Kubernetes Secret. What stands there instead may be the password itself, so it is not quoted. */
export const secretKeyRef = z
  .unknown()
  .refine(
    (value) => isJsonObject(value) && isJsonObject(value['secretKeyRef'] ?? {}),
    'must be {secretKeyRef: {name, key}}: the password itself stands in a Secret',
  )
  .pipe(
    z.object({
      secretKeyRef: z.object({
        name: z.string().min(1),
        key: z.string().min(1),
        optional: z.boolean().optional(),
      }),
    }),
  );

/** Metric of a route in the kernel as Calico's priorities are given. */
export const routePriority = z.int().min(1).max(2147483646);
