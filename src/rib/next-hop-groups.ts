/**
 * Groups of next hops that the FIB is asked to use together: a distinct set of (address, interface, weight) is one group.
 */
import { U32Stack } from './columns.ts';

/** One member of a group. */
export interface GroupMember {
  /** Canonical address without zone. */
  readonly address: string;
  /** Interface of a link-local next hop. */
  readonly interface: string | undefined;
  /** Share of the packets, beside those of the other members: 1 to 255, in a group that is defined as small as can be. */
  readonly weight: number;
}

/** Receives groups before they are used and after their last use. */
export interface GroupListener {
  define(group: number, members: readonly GroupMember[]): void;
  release(group: number): void;
}

/** Interns groups; they are counted. Group 0 means "no route". */
export class NextHopGroups {
  private readonly listener: GroupListener;
  private readonly ids = new Map<string, number>();
  private readonly keys: string[] = [''];
  private readonly refs: number[] = [0];
  private readonly free = new U32Stack();

  constructor(listener: GroupListener) {
    this.listener = listener;
  }

  /**
   * The group whose members are the given ones, in any order and with repetitions, with one reference more. Of repetitions
   * with several weights the greatest counts.
   */
  acquire(members: readonly GroupMember[]): number {
    const byName = new Map<string, GroupMember>();
    for (const member of members) {
      const name = `${member.address}%${member.interface ?? ''}`;
      if ((byName.get(name)?.weight ?? 0) < member.weight) byName.set(name, member);
    }
    const distinct = reduced([...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, member]) => member));
    const key = distinct.map(({ address, interface: link, weight }) => `${address}%${link ?? ''}*${weight}`).join(' ');
    const known = this.ids.get(key);
    if (known !== undefined) {
      this.refs[known]++;
      return known;
    }
    const id = this.free.length > 0 ? this.free.pop() : this.keys.length;
    this.ids.set(key, id);
    this.keys[id] = key;
    this.refs[id] = 1;
    this.listener.define(id, distinct);
    return id;
  }

  retain(group: number): void {
    this.refs[group]++;
  }

  /** Gives one reference back; 0 is allowed and means nothing. Returns whether it was the last one. */
  release(group: number): boolean {
    if (group === 0 || --this.refs[group] > 0) return false;
    this.ids.delete(this.keys[group]);
    this.free.push(group);
    this.listener.release(group);
    return true;
  }
}

/** The members with the smallest weights that are in the same proportion. */
function reduced(members: readonly GroupMember[]): GroupMember[] {
  const divisor = members.reduce((common, { weight }) => commonDivisor(weight, common), 0);
  return members.map((member) => ({ ...member, weight: member.weight / divisor }));
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
