/**
 * Objects that leave one list and watch to come up in another, as those that get the label by which both are told apart: the
 * two say so over connections of their own, in any order.
 */
import type { ReflectorListener } from './reflector.ts';

/** Passes deletions on only after `patience` milliseconds; everything else at once. */
export function lateDeletes(listener: ReflectorListener, patience: number): ReflectorListener {
  const leaving = new Map<string, NodeJS.Timeout>();
  const stay = (key: string) => {
    clearTimeout(leaving.get(key));
    leaving.delete(key);
  };
  return {
    ...listener,
    replace: (items) => {
      for (const key of leaving.keys()) stay(key);
      listener.replace(items);
    },
    put: (item) => {
      stay(item.key);
      listener.put(item);
    },
    delete: (key) => {
      stay(key);
      const leave = () => {
        leaving.delete(key);
        listener.delete(key);
        listener.flush();
      };
      leaving.set(key, setTimeout(leave, patience).unref());
    },
  };
}
