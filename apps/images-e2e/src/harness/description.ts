import { expect } from '@jest/globals';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

interface Operation {
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
}
interface Description {
  openapi: string;
  servers: readonly { url: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: object;
}

/** Checks a response against the API description that the service publishes. */
export type CheckResponse = (method: string, target: string, status: number, text: string) => void;

/** Reads the description of a service. */
export async function readDescription(url: string): Promise<CheckResponse> {
  const description = (await (await fetch(`${url}/openapi.json`)).json()) as Description;
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema({ $id: 'api', ...description });
  const compiled = new Map<string, ValidateFunction>();
  const pointer = (text: string): string => encodeURIComponent(text.replace(/~/g, '~0').replace(/\//g, '~1'));

  // An operation is under each server; what has fewer parameters goes first, as in the router.
  const paths = description.servers
    .flatMap((server) =>
      Object.keys(description.paths).map((path) => ({ whole: server.url.slice(url.length) + path, path })),
    )
    .sort((one, other) => one.whole.split('{').length - other.whole.split('{').length)
    .map(({ whole, path }) => ({
      path,
      pattern: new RegExp(`^${whole.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
    }));

  return (method, target, status, text) => {
    const { pathname } = new URL(target, url);
    const path = paths.find(({ pattern }) => pattern.test(pathname))?.path;
    const operation = path && description.paths[path]![method.toLowerCase()];
    if (!operation) return;
    const response = operation.responses[status];
    expect({ method, path, status, described: response !== undefined }).toMatchObject({ described: true });
    if (!response?.content) {
      expect(text).toBe('');
      return;
    }
    const reference = `api#/paths/${pointer(path)}/${method.toLowerCase()}/responses/${status}/content/application~1json/schema`;
    const validate = compiled.get(reference) ?? ajv.compile({ $ref: reference });
    compiled.set(reference, validate);
    validate(JSON.parse(text));
    expect(validate.errors ?? []).toEqual([]);
  };
}
