#!/usr/bin/env node
/** starling-policyd: the policy agent as a process. */
import { setFlagsFromString } from 'node:v8';
import { runProgram } from '../process/program.ts';
import { PolicyAgent } from './agent.ts';

// Most of what is read at the start is garbage soon, of which V8 would otherwise keep as much as there is of use, and more.
setFlagsFromString('--heap-growing-percent=60');
await runProgram('starling-policyd', (config, environment) => new PolicyAgent(config, environment));
