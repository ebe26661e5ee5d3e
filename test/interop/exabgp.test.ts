import { startExabgp } from '../support/routers/exabgp.ts';
import type { ExabgpRouter } from '../support/routers/exabgp.ts';
import { FAR } from './line.ts';
import { describePeer } from './suite.ts';

describePeer({
  name: 'ExaBGP',
  programs: ['exabgp'],
  start: startExabgp,
  openFar: (router) => (router as ExabgpRouter).behind([FAR.ours, FAR.ours6]),
  // Release 4.2 fails with an exception of its own when it receives one.
  knowsShutdownMessages: false,
  security: [],
});
