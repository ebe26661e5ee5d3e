/** The JSON shape of an address of a service, and what becomes of it. See `types.ts` for the conventions. */
import { z } from 'zod';
import { timestamp } from './types.ts';

export const addressState = z.enum(['advertised', 'backup', 'covered', 'held', 'withheld', 'waiting', 'no']);
export type AddressState = z.infer<typeof addressState>;

export const serviceAddress = z
  .object({
    address: z.string(),
    kind: z.enum(['ClusterIP', 'ExternalIP', 'LoadBalancerIP']),
    state: addressState.describe(
      '`advertised`: as primary; `backup`: on the terms of a backup; `covered`: reached by a range that is advertised; ' +
        '`held`: no longer wanted, and told on for now; `withheld`: wanted, and not originated; ' +
        '`waiting`: not advertised for want of ready endpoints; `no`: nothing in the resources has it advertised.',
    ),
    prefix: z.string().nullable().describe('The route for it, of its own or of several services; null: none.'),
    coveredBy: z.string().nullable().describe('Range that it is in and that is advertised as a whole.'),
    rule: z.string().nullable().describe('Resource that decides, e.g. `ServiceAdvertisement "rack-a"`; null: none.'),
    words: z.string().describe('Why it is advertised, why not, or what it waits for, as a sentence.'),
    until: timestamp.nullable().describe('`held`: how long at most.'),
  })
  .meta({ id: 'ServiceAddress' });
export interface ServiceAddressReport extends z.infer<typeof serviceAddress> {}
