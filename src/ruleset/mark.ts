/**
 * The bit of the packet mark by which a policy tells the chain that asked it that the packet leaves the tier (action Pass).
 * It is set for as long as it takes to return. kube-proxy has 0x4000 and 0x8000, Felix the bits of 0xffff0000.
 */
const PASS_BIT = 0x1000;

const hex = (bits: number) => `0x${(bits >>> 0).toString(16)}`;

export const SET_PASSED = `meta mark set meta mark | ${hex(PASS_BIT)}`;

export const CLEAR_PASSED = `meta mark set meta mark & ${hex(~PASS_BIT)}`;

/** Takes the packet back to who asked the tier. */
export const RETURN_PASSED = `meta mark & ${hex(PASS_BIT)} != 0 ${CLEAR_PASSED} return`;
