import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));

interface Package {
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
  readonly integrity?: string;
  readonly link?: boolean;
}

const read = <T>(path: string): T => JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as T;

describe('what the service is built from', () => {
  it('is named with one exact version each', () => {
    const folders = ['apps', 'libs'].flatMap((room) =>
      readdirSync(join(ROOT, room)).map((name) => `${room}/${name}`),
    );
    for (const folder of ['.', ...folders]) {
      const manifest = read<Package>(`${folder}/package.json`);
      const versions = {
        ...manifest.dependencies,
        ...manifest.devDependencies,
        ...manifest.optionalDependencies,
      };
      const loose = Object.entries(versions).filter(
        ([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.-]+)?$/.test(version),
      );
      expect({ [folder]: loose }).toEqual({ [folder]: [] });
    }
  });

  it('has a checksum in the lock file', () => {
    const { packages } = read<{ packages: Record<string, Package> }>('package-lock.json');
    const installed = Object.entries(packages).filter(
      ([path, { link }]) => path.includes('node_modules/') && !link,
    );
    expect(installed.length).toBeGreaterThan(500);
    expect(installed.filter(([, { integrity }]) => !integrity?.startsWith('sha512-'))).toEqual([]);
  });

  it('runs no install script, whatever version of npm installs it', () => {
    const setting = execFileSync('npm', ['config', 'get', 'ignore-scripts'], { cwd: ROOT, encoding: 'utf8' });
    expect(setting.trim()).toBe('true');
  });

  it('is listed by npm run sbom, in CycloneDX, without development dependencies', () => {
    const text = execFileSync('npm', ['run', '--silent', 'sbom'], { cwd: ROOT, encoding: 'utf8' });
    const list = JSON.parse(text) as {
      bomFormat: string;
      components: { name: string; version: string; purl: string }[];
    };
    expect(list.bomFormat).toBe('CycloneDX');
    const names = list.components.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['fastify', '@nestjs/core', '@prisma/client', 'pg', 'pino']),
    );
    for (const name of ['jest', 'prisma', 'nx', 'typescript', 'eslint']) expect(names).not.toContain(name);
    const { version } = read<{ version: string }>('node_modules/fastify/package.json');
    expect(list.components).toContainEqual(
      expect.objectContaining({ name: 'fastify', purl: `pkg:npm/fastify@${version}` }),
    );
  });
});
