/** Small things as people read them. */
import type { PastTimestamp } from '../../api/types.ts';

/** A duration in its two largest units: `42s`, `5m42s`, `3h05m`, `12d04h`. */
export function formatDuration(seconds: number): string {
  const total = Math.floor(seconds);
  const [days, hours, minutes] = [
    Math.floor(total / 86_400),
    Math.floor(total / 3600) % 24,
    Math.floor(total / 60) % 60,
  ];
  if (days > 0) return `${days}d${twoDigits(hours)}h`;
  if (hours > 0) return `${hours}h${twoDigits(minutes)}m`;
  return minutes > 0 ? `${minutes}m${twoDigits(total % 60)}s` : `${total}s`;
}

/** `5m42s ago`. */
export function formatAgo({ agoSeconds }: PastTimestamp): string {
  return `${formatDuration(agoSeconds)} ago`;
}

/** `1 route`, `2 routes`. */
export function formatCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** The text, cut to `length` characters where it is longer. */
export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** Lines `name  value`, values below each other; a name without values is left out. */
export function formatFields(
  fields: readonly (readonly [name: string, ...values: readonly string[]])[],
  indent: string,
): string {
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields
    .flatMap(([name, ...values]) =>
      values.map((value, index) => `${indent}${(index === 0 ? name : '').padEnd(width)}  ${value}\n`),
    )
    .join('');
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
