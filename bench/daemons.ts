/** The daemons that are compared. */
import { startBird } from '../test/support/routers/bird.ts';
import { startFrr } from '../test/support/routers/frr.ts';
import { startGobgpd } from '../test/support/routers/gobgpd.ts';
import { startOpenbgpd } from '../test/support/routers/openbgpd.ts';
import { STARLINGD, startStarling } from '../test/support/routers/starling.ts';
import type { StartRouter } from '../test/support/routers/router.ts';

/** A daemon under test. */
export interface Daemon {
  readonly name: string;
  /** The program without which it cannot run, and how it tells its version. */
  readonly program: string;
  readonly version: readonly string[];
  /** Absent for the tool `ip`, which shows what the kernel can do. */
  readonly start?: StartRouter;
}

export const DAEMONS: readonly Daemon[] = [
  { name: 'starling', program: STARLINGD, version: ['echo', 'Node', process.version], start: startStarling },
  { name: 'bird', program: '/usr/sbin/bird', version: ['bird', '--version'], start: startBird },
  { name: 'frr', program: '/usr/lib/frr/bgpd', version: ['/usr/lib/frr/bgpd', '--version'], start: startFrr },
  { name: 'gobgpd', program: '/usr/bin/gobgpd', version: ['gobgpd', '--version'], start: startGobgpd },
  { name: 'openbgpd', program: '/usr/sbin/bgpd', version: ['/usr/sbin/bgpd', '-V'], start: startOpenbgpd },
  { name: 'ip', program: '/usr/sbin/ip', version: ['ip', '-V'] },
];
