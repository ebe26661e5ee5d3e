/** Durations as Kubernetes writes them (Go's `time.ParseDuration`): `120s`, `1m30s`, `500ms`, `1.5h`. */

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};

/** Seconds of a duration, possibly with a fraction; undefined where the text is none. A duration may be negative. */
export function durationSeconds(text: string): number | undefined {
  const form = /^([+-]?)(0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+)$/.exec(text);
  if (form === null) return undefined;
  let seconds = 0;
  for (const [, number, unit] of form[2].matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/g)) {
    seconds += Number(number) * UNIT_SECONDS[unit];
  }
  return form[1] === '-' ? -seconds : seconds;
}
