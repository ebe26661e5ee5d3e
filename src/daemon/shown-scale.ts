/** What LOCAL_PREF is to a neighbour, by the routes it told that it originated itself. */
import type { LocalPrefScale } from '../rib/local-preference.ts';

export class ShownScale {
  private shown: LocalPrefScale | undefined;
  private toldMetric = false;

  /** Undefined for as long as it has told nothing that shows it. */
  get scale(): LocalPrefScale | undefined {
    return this.shown;
  }

  /** A session begins: the neighbour may be another program than before. */
  begin(): void {
    this.toldMetric = false;
  }

  /**
   * It told a route with this scale. Returns whether it shows another one than before. One that has told a metric knows metrics
   * for as long as the session lasts: of two speakers that follow each other, one has to stay what it is, or they would swap
   * for ever.
   */
  take(scale: LocalPrefScale): boolean {
    if (scale === 'metric') this.toldMetric = true;
    if (scale === this.shown || this.toldMetric !== (scale === 'metric')) return false;
    this.shown = scale;
    return true;
  }
}
