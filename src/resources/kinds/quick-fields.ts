/**
 * What readers share that take the usual form of an object without its schema. There are kinds of which a cluster has a
 * hundred thousand objects, and to apply a schema to each takes most of the time of a start.
 */
import { isJsonObject } from '../resource.ts';
import type { JsonObject, Metadata } from '../resource.ts';
import { LAST_APPLIED } from '../metadata.ts';

/** 10.0.0.1 in canonical form. */
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$/;

export function isPlainIpv4(text: string): boolean {
  return IPV4.test(text);
}

const NO_TEXTS: Readonly<Record<string, string>> = {};

const NAME = /^[^\s/]{1,253}$/;
const NAMESPACE = /^[^\s/"']*$/;

/** Metadata of which nothing has to be restored or translated; undefined where the schema has to look at it. */
export function quickMetadata(written: unknown): Metadata | undefined {
  if (!isJsonObject(written)) return undefined;
  const { name, namespace, labels = NO_TEXTS, annotations = NO_TEXTS } = written;
  if (typeof name !== 'string' || !NAME.test(name) || !isOptionalText(namespace)) return undefined;
  if (namespace !== undefined && !NAMESPACE.test(namespace)) return undefined;
  if (!isTextMap(labels) || !isTextMap(annotations) || LAST_APPLIED in annotations) return undefined;
  return namespace === undefined ? { name, labels, annotations } : { name, namespace, labels, annotations };
}

export function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isTextMap(value: unknown): value is Readonly<Record<string, string>> {
  if (!isJsonObject(value)) return false;
  for (const name in value) if (typeof value[name] !== 'string') return false;
  return true;
}

/** An empty list stands for a list that is not there. */
export function isEmptyList(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.length === 0);
}

export function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65535;
}

/** Of each item what `read` makes of it; undefined where it is no list, or one of them makes nothing. */
export function quickList<T>(value: unknown, read: (item: JsonObject) => T | undefined): readonly T[] | undefined {
  if (!Array.isArray(value)) return undefined;
  // Not pushed one by one: a list that grows takes room for many more.
  const list = value.map((item) => (isJsonObject(item) ? read(item) : undefined));
  return isWhole(list) ? list : undefined;
}

export function isWhole<T>(list: readonly (T | undefined)[]): list is readonly T[] {
  return !list.includes(undefined);
}
