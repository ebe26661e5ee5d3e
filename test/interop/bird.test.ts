import { startBird } from '../support/routers/bird.ts';
import { describePeer } from './suite.ts';

describePeer({ name: 'BIRD', programs: ['bird', 'birdc'], start: startBird, security: ['password', 'ttlSecurity'] });
