/** The JSON shapes of what is said about peers beside their reports: why they are there or not, and what is held back. */
import { z } from 'zod';
import { pastTimestamp, sessionState, trouble } from './types.ts';

export const heldChanges = z
  .object({
    changes: z.array(z.object({ peer: z.string(), change: z.string(), words: z.string() })),
  })
  .meta({ id: 'HeldChanges' });
export interface HeldChanges extends z.infer<typeof heldChanges> {}

export const peerExplanation = z
  .object({
    query: z.string(),
    wanted: z.string().describe('Whether the peer is wanted, and why, as a sentence.'),
    steps: z
      .array(z.object({ source: z.string(), applies: z.boolean(), words: z.string() }))
      .describe('What was looked at, in order.'),
    peers: z
      .array(
        z.object({
          address: z.string(),
          wanted: z.boolean().describe('Whether the resources still ask for it.'),
          source: z.string(),
          reason: z.string(),
          heldDown: z.string().nullable().describe('Why no session may be opened.'),
          session: z
            .object({
              state: sessionState,
              admin: z.enum(['up', 'down']),
              since: pastTimestamp,
              lastError: trouble.nullable(),
              postponed: z.string().nullable().describe('What the resources ask for and is not done for now.'),
            })
            .nullable()
            .describe('null: there is none.'),
        }),
      )
      .describe('Peers that are wanted, and sessions there still are.'),
  })
  .meta({ id: 'PeerExplanation' });
export interface PeerExplanation extends z.infer<typeof peerExplanation> {}
