#!/usr/bin/env node
/** starling-policyd: the policy agent as a process. */
import { runProgram } from '../process/program.ts';
import { PolicyAgent } from './agent.ts';

await runProgram('starling-policyd', (config, environment) => new PolicyAgent(config, environment));
