import { beforeEach, describe, expect, it } from 'vitest';
import { WorkloadAddresses } from './workload-addresses.ts';

let addresses: WorkloadAddresses;

beforeEach(() => {
  addresses = new WorkloadAddresses();
  addresses.set('a', ['10.0.0.1', '10.0.0.2']);
  expect(addresses.takeDeparted()).toEqual([]);
});

describe('addresses whose connections are over', () => {
  it('are those that a workload had and lost', () => {
    addresses.set('a', ['10.0.0.2', '10.0.0.3']);
    expect(addresses.takeDeparted()).toEqual(['10.0.0.1']);
    addresses.set('a', []);
    expect(addresses.takeDeparted()).toEqual(['10.0.0.2', '10.0.0.3']);
    expect(addresses.takeDeparted()).toEqual([]);
  });

  it('are also those that another workload got at once', () => {
    addresses.set('a', []);
    addresses.set('b', ['10.0.0.1']);
    expect(addresses.takeDeparted()).toEqual(['10.0.0.1', '10.0.0.2']);
    addresses.set('c', ['10.0.0.1']);
    addresses.set('b', []);
    expect(addresses.takeDeparted()).toEqual(['10.0.0.1']);
  });

  it('are not those of a workload that had them beside the one that left', () => {
    addresses.set('b', ['10.0.0.1']);
    expect(addresses.takeDeparted()).toEqual([]);
    addresses.set('a', []);
    addresses.set('c', ['10.0.0.1']);
    expect(addresses.takeDeparted()).toEqual(['10.0.0.2']);
    addresses.set('b', ['10.0.0.1']);
    addresses.set('c', []);
    expect(addresses.takeDeparted()).toEqual([]);
  });
});
