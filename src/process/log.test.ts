import { describe, expect, it } from 'vitest';
import { createLog } from './log.ts';
import type { LogSettings } from './log.ts';

function logTo(lines: string[], settings: LogSettings) {
  return createLog({ ...settings, write: (line) => lines.push(line), now: () => 0 });
}

describe('the log', () => {
  it('has lines for people that begin with whom they are about', () => {
    const lines: string[] = [];
    const log = logTo(lines, { level: 'info', format: 'text' });
    log.info('listens now', { subject: '0.0.0.0:179', type: 'daemon' });
    log.warn('a word to all');
    expect(lines).toEqual([
      '1970-01-01T00:00:00.000Z INFO  0.0.0.0:179: listens now\n',
      '1970-01-01T00:00:00.000Z WARN  a word to all\n',
    ]);
  });

  it('has JSON for machines', () => {
    const lines: string[] = [];
    const log = logTo(lines, { level: 'info', format: 'json' });
    log.error('failed', { subject: '192.0.2.1', type: 'session', error: new Error('oh') });
    expect(JSON.parse(lines[0])).toEqual({
      time: '1970-01-01T00:00:00.000Z',
      level: 'error',
      msg: 'failed',
      subject: '192.0.2.1',
      type: 'session',
      error: expect.stringContaining('Error: oh'),
    });
  });

  it('leaves out what is below its level, which may change', () => {
    const lines: string[] = [];
    const log = logTo(lines, { level: 'warn', format: 'text' });
    log.info('one');
    log.configure({ level: 'debug', format: 'text' });
    log.debug('two');
    log.configure({ level: 'error', format: 'text' });
    log.warn('three');
    expect(lines).toEqual([expect.stringMatching(/DEBUG two\n$/)]);
  });
});
