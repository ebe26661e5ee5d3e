/** What a selector asks of single labels: necessary wherever it matches, though seldom enough. */

export interface LabelRestriction {
  readonly mustBePresent?: boolean;
  readonly mustBeAbsent?: boolean;
  /** Sorted, each once; of a label that must be present. With none nothing matches. */
  readonly oneOf?: readonly string[];
}

/** By label; nothing is asked of others. */
export type LabelRestrictions = ReadonlyMap<string, LabelRestriction>;

export const NO_RESTRICTIONS: LabelRestrictions = new Map();

export function restriction(label: string, asked: LabelRestriction): LabelRestrictions {
  return new Map([[label, asked]]);
}

/** What is asked where all of the selectors must match. */
export function everyOne(all: readonly LabelRestrictions[]): LabelRestrictions {
  const together = new Map<string, LabelRestriction>();
  for (const restrictions of all) {
    for (const [label, asked] of restrictions) {
      const before = together.get(label);
      together.set(label, before === undefined ? asked : both(before, asked));
    }
  }
  return together;
}

function both(a: LabelRestriction, b: LabelRestriction): LabelRestriction {
  const oneOf = a.oneOf && b.oneOf ? a.oneOf.filter((value) => b.oneOf?.includes(value)) : (a.oneOf ?? b.oneOf);
  return {
    ...(a.mustBePresent || b.mustBePresent ? { mustBePresent: true } : {}),
    ...(a.mustBeAbsent || b.mustBeAbsent ? { mustBeAbsent: true } : {}),
    ...(oneOf === undefined ? {} : { oneOf }),
  };
}

/** What is asked where one of the selectors must match, whichever. */
export function either([first, ...others]: readonly LabelRestrictions[]): LabelRestrictions {
  let common = first;
  for (const restrictions of others) {
    const next = new Map<string, LabelRestriction>();
    for (const [label, asked] of common) {
      const other = restrictions.get(label);
      const looser = other === undefined ? {} : any(asked, other);
      if (Object.keys(looser).length > 0) next.set(label, looser);
    }
    common = next;
  }
  return common;
}

function any(a: LabelRestriction, b: LabelRestriction): LabelRestriction {
  return {
    ...(a.mustBePresent && b.mustBePresent ? { mustBePresent: true } : {}),
    ...(a.mustBeAbsent && b.mustBeAbsent ? { mustBeAbsent: true } : {}),
    ...(a.oneOf && b.oneOf ? { oneOf: [...new Set([...a.oneOf, ...b.oneOf])].sort() } : {}),
  };
}
