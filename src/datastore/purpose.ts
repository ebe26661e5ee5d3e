/**
 * What a process reads a datastore for: routes (`starlingd`) or policies (`starling-policyd`). Each asks only for the kinds that
 * it acts on.
 */
export type Purpose = 'routing' | 'policy';
