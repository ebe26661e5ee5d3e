import { startGobgpd } from '../support/routers/gobgpd.ts';
import { describePeer } from './suite.ts';

describePeer({
  name: 'GoBGP',
  programs: ['gobgpd', 'gobgp'],
  start: startGobgpd,
  // ::ffff:10.88.3.1
  nextHop6: '::ffff:a58:301',
  // Its soft reset evaluates what it has, without asking.
  asksForRefresh: false,
  security: ['password', 'ttlSecurity'],
});
