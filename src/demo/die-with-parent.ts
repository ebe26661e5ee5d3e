/**
 * Loaded ahead of a program with `node --import`: has the kernel end the program when the one that started it is gone,
 * whatever took it (prctl(2), PR_SET_PDEATHSIG).
 */
import koffi from 'koffi';

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;

const prctl: (option: number, signal: bigint) => number = koffi.load(null).func('int prctl(int, unsigned long)');
prctl(PR_SET_PDEATHSIG, BigInt(SIGKILL));
