/** What of a policy counts that can't be read as a whole: never anything that lets more pass than what was meant. */

/** Name of the tier of policies whose own can't be read. It comes first, and no resource can have its name. */
export const UNREADABLE_TIER = '(unreadable)';
