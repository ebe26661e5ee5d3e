/**
 * Error codes and subcodes of NOTIFICATIONs (IANA "BGP Error (Notification) Codes"), and their names.
 */

export const ERROR_HEADER = 1;
export const ERROR_OPEN = 2;
export const ERROR_UPDATE = 3;
export const ERROR_HOLD_TIMER_EXPIRED = 4;
export const ERROR_FSM = 5;
export const ERROR_CEASE = 6;
export const ERROR_ROUTE_REFRESH = 7;
/** RFC 9687 §4.3; never sent, as the peer doesn't read. */
const ERROR_SEND_HOLD_TIMER_EXPIRED = 8;

/** Subcodes of {@link ERROR_HEADER}. */
export const HEADER_NOT_SYNCHRONIZED = 1;
export const HEADER_BAD_LENGTH = 2;
export const HEADER_BAD_TYPE = 3;

/** Subcodes of {@link ERROR_OPEN}; 0 is a malformed message (RFC 4271 §6.2). */
export const OPEN_MALFORMED = 0;
export const OPEN_UNSUPPORTED_VERSION = 1;
export const OPEN_BAD_PEER_AS = 2;
export const OPEN_BAD_BGP_IDENTIFIER = 3;
export const OPEN_UNSUPPORTED_PARAMETER = 4;
export const OPEN_UNACCEPTABLE_HOLD_TIME = 6;
export const OPEN_UNSUPPORTED_CAPABILITY = 7;

/** Subcodes of {@link ERROR_UPDATE}. */
export const UPDATE_MALFORMED_ATTRIBUTE_LIST = 1;
export const UPDATE_UNRECOGNIZED_WELL_KNOWN = 2;
export const UPDATE_ATTRIBUTE_FLAGS = 4;
export const UPDATE_OPTIONAL_ATTRIBUTE = 9;
export const UPDATE_INVALID_NETWORK_FIELD = 10;

/** Subcodes of {@link ERROR_FSM} (RFC 6608 §3). */
export const FSM_UNSPECIFIED = 0;
export const FSM_IN_OPEN_SENT = 1;
export const FSM_IN_OPEN_CONFIRM = 2;
export const FSM_IN_ESTABLISHED = 3;

/** Subcodes of {@link ERROR_CEASE} (RFC 4486 §3, RFC 8538 §3, RFC 9384 §3). */
export const CEASE_MAXIMUM_PREFIXES = 1;
export const CEASE_ADMINISTRATIVE_SHUTDOWN = 2;
export const CEASE_PEER_DECONFIGURED = 3;
export const CEASE_ADMINISTRATIVE_RESET = 4;
export const CEASE_CONNECTION_REJECTED = 5;
export const CEASE_OTHER_CONFIGURATION_CHANGE = 6;
export const CEASE_CONNECTION_COLLISION = 7;
export const CEASE_HARD_RESET = 9;
export const CEASE_BFD_DOWN = 10;

/** Subcode of {@link ERROR_ROUTE_REFRESH} (RFC 7313 §5). */
export const ROUTE_REFRESH_INVALID_LENGTH = 1;

interface CodeName {
  readonly name: string;
  /** Names by subcode; an absent one has no meaning. */
  readonly subcodes: Readonly<Record<number, string>>;
}

/** Names of codes and subcodes as their RFCs write them. */
export const ERROR_NAMES: Readonly<Record<number, CodeName>> = {
  [ERROR_HEADER]: {
    name: 'Message Header Error',
    subcodes: { 1: 'Connection Not Synchronized', 2: 'Bad Message Length', 3: 'Bad Message Type' },
  },
  [ERROR_OPEN]: {
    name: 'OPEN Message Error',
    subcodes: {
      1: 'Unsupported Version Number',
      2: 'Bad Peer AS',
      3: 'Bad BGP Identifier',
      4: 'Unsupported Optional Parameter',
      5: 'Authentication Failure',
      6: 'Unacceptable Hold Time',
      7: 'Unsupported Capability',
      11: 'Role Mismatch',
    },
  },
  [ERROR_UPDATE]: {
    name: 'UPDATE Message Error',
    subcodes: {
      1: 'Malformed Attribute List',
      2: 'Unrecognized Well-known Attribute',
      3: 'Missing Well-known Attribute',
      4: 'Attribute Flags Error',
      5: 'Attribute Length Error',
      6: 'Invalid ORIGIN Attribute',
      7: 'AS Routing Loop',
      8: 'Invalid NEXT_HOP Attribute',
      9: 'Optional Attribute Error',
      10: 'Invalid Network Field',
      11: 'Malformed AS_PATH',
    },
  },
  [ERROR_HOLD_TIMER_EXPIRED]: { name: 'Hold Timer Expired', subcodes: {} },
  [ERROR_FSM]: {
    name: 'Finite State Machine Error',
    subcodes: {
      1: 'Unexpected Message in OpenSent State',
      2: 'Unexpected Message in OpenConfirm State',
      3: 'Unexpected Message in Established State',
    },
  },
  [ERROR_CEASE]: {
    name: 'Cease',
    subcodes: {
      1: 'Maximum Number of Prefixes Reached',
      2: 'Administrative Shutdown',
      3: 'Peer De-configured',
      4: 'Administrative Reset',
      5: 'Connection Rejected',
      6: 'Other Configuration Change',
      7: 'Connection Collision Resolution',
      8: 'Out of Resources',
      9: 'Hard Reset',
      10: 'BFD Down',
    },
  },
  [ERROR_ROUTE_REFRESH]: { name: 'ROUTE-REFRESH Message Error', subcodes: { 1: 'Invalid Message Length' } },
  [ERROR_SEND_HOLD_TIMER_EXPIRED]: { name: 'Send Hold Timer Expired', subcodes: {} },
};
