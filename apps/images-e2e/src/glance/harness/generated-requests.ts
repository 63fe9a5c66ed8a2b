import fc from 'fast-check';

export const CALLERS = ['demo', 'alt', 'admin', 'reader'] as const;
export type Caller = (typeof CALLERS)[number];

/** A request to the Image API, for a catalogue whose images have these ids. */
export interface GeneratedRequest {
  readonly caller: Caller;
  readonly method: string;
  /** An image is named by its place in the catalogue: `{3}`, modulo the number of images. */
  readonly target: string;
  readonly type?: string;
  /** The body as it is sent. */
  readonly body?: string;
}

type Arbitrary<T = unknown> = fc.Arbitrary<T>;
type Sent = Omit<GeneratedRequest, 'caller'>;

const { constant, constantFrom, oneof, record, tuple } = fc;
const one = <const T extends readonly unknown[]>(...values: T): Arbitrary<T[number]> =>
  constantFrom(...values);
/** Mostly the first, now and then the second. */
const mostly = <T, U>(usual: Arbitrary<T>, odd: Arbitrary<U>, weight = 30): Arbitrary<T | U> =>
  oneof({ arbitrary: usual, weight }, { arbitrary: odd, weight: 1 });

const TEXTS = [
  ...[
    'name',
    'a b',
    'a,b',
    'a/b',
    '"q"',
    "o'hara",
    'a;b',
    'null',
    'true',
    '5',
    '-1',
    '1.5',
    '\\',
    '_',
    '%41',
  ],
  ...['ünï', '日本', '', ' lead', 'tab\there', 'in:a', 'eq:x', 'a:b', 'x'.repeat(255), 'x'.repeat(256)],
];
const text = oneof(one(...TEXTS), one(...TEXTS.slice(0, 3)));
const value = mostly(text, one(10, -1, 1.5, true, null, [], ['a'], {}, 2 ** 31, 2 ** 53), 3);

/** Projects are named as images are: `{demo}`, `{alt}`. */
const project = mostly(one('{alt}', '{alt}', '{demo}', '{admin}'), one('someone', 'ü', 'x'.repeat(255)), 4);

/** Of an ISO image Debian's Glance has no virtual size, as a newer one has. */
const FORMATS = ['raw', 'qcow2', 'vmdk', 'ploop', 'RAW', 'bogus', '', null, 5];
const CONTAINERS = ['bare', 'ovf', 'docker', 'bogus', '', null];
const TAGS = [[], ['a'], ['a', 'a'], ['b', 'ü'], ['x'.repeat(256)], [''], 'a', [5], null];

/** Values of base attributes, right and wrong ones. */
const ATTRIBUTES: Readonly<Record<string, Arbitrary>> = {
  name: mostly(text, value, 4),
  visibility: one('public', 'private', 'shared', 'community', 'bogus', 'Public', null),
  protected: one(true, false, 'true', null, 1),
  min_disk: one(0, 1, 10, -1, '5', 2 ** 31 - 1, 2 ** 31, null, 1.5),
  min_ram: one(0, 64, -1, 'x', 2 ** 31),
  disk_format: one(...FORMATS),
  container_format: one(...CONTAINERS),
  tags: one(
    ...TAGS,
    Array.from({ length: 129 }, (_, n) => `t${n}`),
  ),
  owner: one('{demo}', '{alt}', 'someone', 5, 'x'.repeat(256)),
  os_hidden: one(true, false, 'x', null),
  status: one('active', 'queued'),
  size: constant(5),
  virtual_size: one(5, null),
  checksum: constant('abc'),
  created_at: constant('2020-01-01T00:00:00Z'),
  updated_at: constant('x'),
  file: constant('/x'),
  schema: constant('/y'),
  self: constant('/z'),
  direct_url: constant('x'),
};
const ATTRIBUTE_NAMES = Object.keys(ATTRIBUTES);
const PROPERTY_NAMES = [
  ...['p1', 'p2', 'os_distro', 'architecture', 'kernel_id', 'ramdisk_id', 'a b', 'a.b', 'ü', 'x'.repeat(255)],
  ...['is_public', 'copy_from'],
];
const RESERVED_NAMES = ['os_glance_foo', 'os_glance_import_task', 'deleted', 'location'];

const attribute = mostly(
  oneof(
    constantFrom(...ATTRIBUTE_NAMES).chain((name) => tuple(constant(name), ATTRIBUTES[name]!)),
    tuple(one(...PROPERTY_NAMES), value),
  ),
  tuple(one(...RESERVED_NAMES), one('a', '')),
  8,
);
const attributes = (maxLength: number): Arbitrary<object> =>
  fc
    .uniqueArray(attribute, { selector: ([name]) => name, maxLength })
    .map((entries) => Object.fromEntries(entries));

const image = mostly(
  fc.nat({ max: 99 }).map((n) => `{${n}}`),
  mostly(fc.uuid({ version: 4 }), one('x', '%20'), 3),
  25,
);
const json = (body: unknown): string => JSON.stringify(body);
const JSON_TYPE = 'application/json';

const creation: Arbitrary<Sent> = record({
  id: mostly(fc.uuid({ version: 4 }), one('x', '{0}', null, 5)),
  usual: mostly(
    record({
      name: one('n0', 'n1', 'n2', 'n3'),
      disk_format: one('raw', 'qcow2', 'vmdk'),
      container_format: constant('bare'),
      visibility: one('shared', 'shared', 'private', 'community', 'public'),
    }),
    constant({}),
    6,
  ),
  more: mostly(attributes(3), constant({}), 1),
  broken: mostly(constant(undefined), one('', '{', '[]', 'null', '5', '"x"')),
}).map(({ id, usual, more, broken }) => ({
  method: 'POST',
  target: '/v2/images',
  type: JSON_TYPE,
  body: broken ?? json({ ...usual, ...more, id }),
}));

const pointer = (name: string): string => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
const operation = tuple(
  attribute,
  mostly(one('add', 'replace', 'remove', 'add', 'replace'), one('move', 'test', 'bogus'), 12),
  mostly(constant(''), one('/sub', '/-', '/0')),
).map(([[name, value], op, sub]) => ({
  op,
  path: pointer(name) + sub,
  ...(op !== 'remove' && { value }),
}));
const PATCH_TYPE = 'application/openstack-images-v2.1-json-patch';
const OLD_PATCH_TYPE = 'application/openstack-images-v2.0-json-patch';

const patch: Arbitrary<Sent> = record({
  target: image.map((id) => `/v2/images/${id}`),
  operations: fc.array(operation, { maxLength: 3 }),
  old: mostly(constant(false), constant(true), 9),
  type: mostly(
    constant(undefined),
    one(JSON_TYPE, 'application/json-patch+json', `${PATCH_TYPE}; charset=utf-8`),
  ),
  broken: mostly(constant(undefined), one('{}', '', '[5]', '[[]]', 'null', '[{"op":"add"}]')),
}).map(({ target, operations, old, type, broken }) => {
  const body = old ? operations.map(({ op, path, value }) => ({ [op]: path, value })) : operations;
  return {
    method: 'PATCH',
    target,
    type: type ?? (old ? OLD_PATCH_TYPE : PATCH_TYPE),
    body: broken ?? json(body),
  };
});

/** Values of the parameters of lists, right and wrong ones. */
const PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  name: [
    'n1',
    'n2',
    'in:n1,n2',
    'in:"n1",n2',
    'in:n1,"',
    'neq:n1',
    'eq:n1',
    'in:',
    'bogus:x',
    ...TEXTS.slice(0, 18),
  ],
  id: ['{0}', 'in:{0},{1}', 'x'],
  status: ['queued', 'active', 'bogus', 'in:queued,active', 'deactivated', 'uploading', ''],
  visibility: ['public', 'private', 'shared', 'community', 'all', 'bogus'],
  owner: ['{demo}', '{alt}', 'x', ''],
  container_format: ['bare', 'in:bare,ovf', 'bogus', ''],
  disk_format: ['raw', 'in:raw,qcow2', 'x'],
  min_disk: ['0', '1'],
  min_ram: ['0', '64'],
  size: ['5', '0'],
  size_min: ['0', '5', '-1', 'x', ''],
  size_max: ['10', '0', '-5', 'x'],
  virtual_size: ['5', '0'],
  protected: ['true', 'false', 'True', '1', ''],
  os_hidden: ['true', 'false', 'x', '1', ''],
  tag: ['a', 'b', 'ü', '', 'x'.repeat(256)],
  member_status: ['accepted', 'pending', 'rejected', 'all', 'bogus', ''],
  limit: ['0', '1', '2', '3', '1000', '100000', '-1', 'x', '', '1.5', '+1'],
  marker: ['{0}', '{1}', '{2}', 'x', ''],
  created_at: ['gt:2020-01-01T00:00:00Z', '2020-01-01T00:00:00Z', 'bogus', 'gt:x', 'gte:2020-01-01', ''],
  updated_at: ['lte:2090-01-01T00:00:00', 'eq:2020-01-01T00:00:00Z', 'neq:2020-01-01T00:00:00Z'],
  checksum: ['5d41402abc4b2a76b9719d911017c592', 'x'],
  os_distro: ['name', 'ünï', ''],
  p1: [...TEXTS.slice(0, 14)],
  bogus: ['x', ''],
  is_public: ['true'],
  deleted: ['true', 'false'],
  'changes-since': ['2020-01-01'],
};
const SORTS = [
  ...[
    'name:asc',
    'name:desc,status',
    'created_at:asc',
    'id',
    'id:asc',
    'bogus',
    'name:x',
    '',
    ':',
    'name:asc:desc',
  ],
  ...['disk_format:asc,id:desc', 'container_format'],
];
const order = mostly(
  constant([] as [string, string][]),
  oneof(
    one(...SORTS).map((sort): [string, string][] => [['sort', sort]]),
    tuple(one('name', 'status', 'id', 'created_at', 'bogus', ''), one('asc', 'desc', 'x')).map(
      ([key, direction]): [string, string][] => [
        ['sort_key', key],
        ['sort_dir', direction],
      ],
    ),
  ),
  2,
);
const list: Arbitrary<Sent> = tuple(
  order,
  fc.uniqueArray(
    constantFrom(...Object.keys(PARAMETERS)).chain((name) =>
      tuple(constant(name), one(...PARAMETERS[name]!)),
    ),
    { selector: ([name]) => name, maxLength: 3 },
  ),
).map(([sort, filters]) => ({
  method: 'GET',
  target: `/v2/images?${[...sort, ...filters].map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')}`,
}));

const at = (path: string | Arbitrary<string>): Arbitrary<string> =>
  tuple(image, typeof path === 'string' ? constant(path) : path).map(
    ([id, rest]) => `/v2/images/${id}${rest}`,
  );
const without = (method: string | Arbitrary<string>, target: Arbitrary<string>): Arbitrary<Sent> =>
  record({ method: typeof method === 'string' ? constant(method) : method, target });
const withBody = (
  method: string | Arbitrary<string>,
  target: Arbitrary<string>,
  type: Arbitrary<string>,
  body: Arbitrary<string>,
): Arbitrary<Sent> =>
  record({ method: typeof method === 'string' ? constant(method) : method, target, type, body });
const jsonType = constant(JSON_TYPE);
const octets = mostly(constant('application/octet-stream'), one('text/plain', JSON_TYPE));

const sent = oneof(
  { arbitrary: creation, weight: 2 },
  { arbitrary: patch, weight: 4 },
  { arbitrary: list, weight: 4 },
  without('GET', at('')),
  without('GET', at('')),
  without('DELETE', at('')),
  without(
    one('PUT', 'PUT', 'DELETE'),
    at(
      one('a', 'b', 'x'.repeat(255), 'x'.repeat(256), 'a,b', ' ').map(
        (tag) => `/tags/${encodeURIComponent(tag)}`,
      ),
    ),
  ),
  withBody(
    'POST',
    at('/members'),
    jsonType,
    mostly(
      project.map((member) => json({ member })),
      one('{}', '', '[]', 'null'),
      6,
    ),
  ),
  withBody(
    'PUT',
    at(project.map((id) => `/members/${id.startsWith('{') ? id : encodeURIComponent(id)}`)),
    jsonType,
    mostly(
      one('accepted', 'pending', 'rejected').map((status) => json({ status })),
      one('{"status":"bogus"}', '{}', '', '[]'),
      4,
    ),
  ),
  without(
    one('GET', 'DELETE'),
    at(project.map((id) => `/members/${id.startsWith('{') ? id : encodeURIComponent(id)}`)),
  ),
  without('GET', at('/members')),
  without(
    'POST',
    at(one('deactivate', 'reactivate', 'reactivate', 'bogus').map((action) => `/actions/${action}`)),
  ),
  withBody('PUT', at('/file'), octets, one('hello', '', 'x'.repeat(70_000))),
  withBody('PUT', at('/stage'), octets, constant('staged')),
  without('GET', at('/file')),
  withBody(
    one('PUT', 'POST', 'DELETE', 'PATCH'),
    oneof(one('/v2/images', '/v2/schemas/image', '/v2/info/import'), at(one('', '/file', '/tags', '/bogus'))),
    jsonType,
    constant('{"a": 1}'),
  ),
  without(
    'GET',
    oneof(one('/v2/schemas/bogus', '/v2/bogus', '/v2/info/bogus'), at(one('/tags', '/actions', '/bogus'))),
  ),
);

/** Requests of the Image API and what resembles them, more of them valid than not. */
export function generateRequests(count: number, seed: number): GeneratedRequest[] {
  const caller = one('demo', 'demo', 'demo', 'demo', 'demo', 'alt', 'admin', 'reader');
  const request = tuple(caller, sent).map(([caller, rest]) => ({ caller, ...rest }));
  return fc.sample(request, { numRuns: count, seed });
}
