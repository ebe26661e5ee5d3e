/** Parameters of listings that come in pages. */
import { z } from 'zod';
import { numberParameter } from '../endpoint.ts';

const MAX_LIMIT = 100_000;

/** Entries of a page where the client does not say how many. */
export const DEFAULT_LIMIT = 1_000;

export const pagingParameters = {
  limit: numberParameter(MAX_LIMIT).optional().describe(`Entries wanted, default ${DEFAULT_LIMIT}.`),
  cursor: numberParameter(Number.MAX_SAFE_INTEGER).optional().describe('`nextCursor` of the answer before.'),
};

export const nextCursor = z.string().nullable().describe('null: there is no more.');
