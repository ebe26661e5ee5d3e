/** A set that mostly has one member, which then is held as it is: sets cost hundreds of bytes. */
export type Few<T extends object> = T | Set<T> | undefined;

export function withMember<T extends object>(few: Few<T>, member: T): Few<T> {
  if (few === undefined) return member;
  if (!(few instanceof Set)) return few === member ? few : new Set([few, member]);
  few.add(member);
  return few;
}

/** Undefined where it was the last. */
export function withoutMember<T extends object>(few: Few<T>, member: T): Few<T> {
  if (!(few instanceof Set)) return few === member ? undefined : few;
  few.delete(member);
  return few.size === 0 ? undefined : few;
}

export function sizeOf(few: Few<object>): number {
  if (few === undefined) return 0;
  return few instanceof Set ? few.size : 1;
}

export function membersOf<T extends object>(few: Few<T>): Iterable<T> {
  if (few === undefined) return [];
  return few instanceof Set ? few : [few];
}
