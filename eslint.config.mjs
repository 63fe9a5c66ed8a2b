import js from '@eslint/js';
import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

/** NestJS stays in the service and in a library's `nestjs/` entry, so that libraries work without it. */
const WITHOUT_NEST = {
  patterns: [{ group: ['@nestjs/*'], message: 'NestJS is imported only in a folder nestjs/ of a library.' }],
};

/** Which way imports point; everything not listed is refused. */
const ARROWS = [
  { from: 'domain', to: [] },
  { from: 'links', to: [] },
  { from: 'options', to: [] },
  { from: 'http-client', to: [] },
  { from: 'plugins', to: ['options', 'domain'] },
  { from: 'auth', to: ['plugins', 'options', 'http-client', 'domain'] },
  { from: 'store', to: ['domain'] },
  { from: 'data', to: ['plugins', 'domain'] },
  { from: 'glance', to: ['auth', 'plugins', 'options', 'http-client', 'domain'] },
  { from: 'mirror', to: ['plugins', 'domain'] },
  {
    from: 'app',
    to: ['domain', 'links', 'options', 'http-client', 'plugins', 'auth', 'store', 'data', 'glance', 'mirror'],
  },
  { from: 'e2e', to: ['domain', 'links', 'plugins', 'auth', 'store', 'data', 'glance'] },
];

const constraints = (arrows) =>
  arrows.map(({ from, to }) => ({ sourceTag: from, onlyDependOnLibsWithTags: to }));

/**
 * The rooms of the service: imports lead from a layer to those below it, and never between rooms of one layer.
 * `main.ts` is above all of them.
 */
const LAYERS = [
  ['commands'],
  ['startup'],
  ['compute', 'image', 'health', 'import', 'development'],
  ['access'],
  ['http'],
  ['telemetry'],
  ['settings'],
];

const SERVICE_ARROWS = LAYERS.flatMap((rooms, layer) =>
  rooms.map((room) => {
    const forbidden = [...LAYERS.slice(0, layer).flat(), ...rooms.filter((peer) => peer !== room)];
    const regex = `^(?:\\.\\./)+(?:${['main', ...forbidden].join('|')})(?:/|\\.js$)`;
    return {
      files: [`apps/images/src/${room}/**/*.ts`],
      ignores: ['**/*.spec.ts'],
      rules: {
        'no-restricted-imports': [
          'error',
          { patterns: [{ regex, message: `${room}/ must not import this room.` }] },
        ],
      },
    };
  }),
);

export default tseslint.config(
  { ignores: ['**/dist', '**/out-tsc', '**/generated', '.nx', '**/node_modules'] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { varsIgnorePattern: '^_', argsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['**/*.mjs', 'apps/images/bin/*.js'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        fetch: 'readonly',
        AbortSignal: 'readonly',
        Buffer: 'readonly',
        clearInterval: 'readonly',
        performance: 'readonly',
        setImmediate: 'readonly',
        setInterval: 'readonly',
        setTimeout: 'readonly',
      },
    },
  },
  {
    files: ['**/*.ts'],
    // What a decorated constructor takes is imported as a value: its type is there at run time.
    languageOptions: { parserOptions: { emitDecoratorMetadata: true, experimentalDecorators: true } },
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          depConstraints: constraints(ARROWS),
        },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/explicit-module-boundary-types': 'off',
      eqeqeq: 'error',
    },
  },
  {
    files: ['libs/mirror/src/**/*.spec.ts', 'libs/mirror/src/testing/**/*.ts'],
    rules: {
      // They run on a real database.
      '@nx/enforce-module-boundaries': [
        'error',
        { depConstraints: constraints([{ from: 'mirror', to: ['plugins', 'domain', 'store'] }]) },
      ],
    },
  },
  {
    files: ['libs/*/src/**/*.ts'],
    ignores: ['libs/*/src/nestjs/**'],
    rules: { 'no-restricted-imports': ['error', WITHOUT_NEST] },
  },
  ...SERVICE_ARROWS,
);
