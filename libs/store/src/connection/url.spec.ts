import { describe, expect, it } from '@jest/globals';
import { BadDatabaseUrl, parseDatabaseUrl } from './url.js';

/** What a URL leads to, in short. */
function led(url: string): object {
  const { servers, user, password, database, schema } = parseDatabaseUrl(url);
  const places = servers.map(({ host, port, ssl }) => `${host} ${port}${ssl ? ' tls' : ''}`);
  return { places, user, password, database, schema };
}

function refusalOf(url: string): string {
  try {
    parseDatabaseUrl(url);
  } catch (error) {
    expect(error).toBeInstanceOf(BadDatabaseUrl);
    return (error as Error).message;
  }
  throw new Error('it was accepted');
}

describe('a connection URL', () => {
  it.each([
    ['postgresql://u:p@h/d', { places: ['h 5432 tls', 'h 5432'], user: 'u', password: 'p', database: 'd' }],
    ['postgres://u@h:5433', { places: ['h 5433 tls', 'h 5433'], user: 'u', database: 'u' }],
    ['postgresql://u@h/d?sslmode=disable', { places: ['h 5432'], user: 'u', database: 'd' }],
    ['postgresql://u@h/d?sslmode=require', { places: ['h 5432 tls'], user: 'u', database: 'd' }],
    [
      'postgresql://u@a:1,b:2,c/d?sslmode=disable',
      { places: ['a 1', 'b 2', 'c 5432'], user: 'u', database: 'd' },
    ],
    ['postgresql://u@[::1]:5/d?sslmode=disable', { places: ['::1 5'], user: 'u', database: 'd' }],
    ['postgresql:///d?host=/run/pg&user=u', { places: ['/run/pg 5432'], user: 'u', database: 'd' }],
    ['postgresql://u@%2Frun%2Fpg:7/d', { places: ['/run/pg 7'], user: 'u', database: 'd' }],
    [
      'postgresql://u@/d?host=/run/pg&sslmode=verify-full',
      { places: ['/run/pg 5432'], user: 'u', database: 'd' },
    ],
    [
      'postgresql:///d?host=a,b&port=1,2&user=u&sslmode=disable',
      { places: ['a 1', 'b 2'], user: 'u', database: 'd' },
    ],
    [
      'postgresql://u%40x:p%40%2F%3A%25@h/d?sslmode=disable',
      { places: ['h 5432'], user: 'u@x', password: 'p@/:%', database: 'd' },
    ],
    [
      'postgresql://u:a:b@h/d?sslmode=disable',
      { places: ['h 5432'], user: 'u', password: 'a:b', database: 'd' },
    ],
    [
      'postgresql://u@h/d?schema=s%201&sslmode=disable',
      { places: ['h 5432'], user: 'u', database: 'd', schema: 's 1' },
    ],
  ])('%s is read as libpq reads it', (url, expected) => {
    expect(led(url)).toEqual({ password: undefined, schema: undefined, ...expected });
  });

  it.each(['@', '/', '#', '?', '%', '%zz', ':/', '@b/c', '%ff', '&@', '?a=', '/?#'])(
    'with %s in a password, not percent-encoded, is refused without a piece of the password',
    (odd) => {
      for (const password of [`Qx7${odd}Zk9`, `1234${odd}Zk9`, `Qx7${odd}yz56`]) {
        const message = refusalOf(`postgresql://user:${password}@host/database`);
        expect(message).toContain('percent-encoded');
        expect(message).not.toMatch(/Qx7|Zk9|1234|yz56/);
      }
    },
  );

  it.each([
    ['postgresql://u@h/d?sslmode=allow', 'disable, prefer, require, verify-ca, verify-full'],
    ['postgresql://u@h/d?sslmode=verify-ca', 'needs sslrootcert'],
    ['postgresql://u@h/d?sslmode=require&sslrootcert=system', 'needs sslmode=verify-full'],
    [
      'postgresql://u@h/d?sslmode=verify-ca&sslrootcert=/nowhere.crt',
      'sslrootcert = "/nowhere.crt" cannot be read',
    ],
    ['postgresql://u@h/d?sslcert=/a', 'belong together'],
    ['postgresql://u@h/d?pgbouncer=true', 'the parameter pgbouncer is not known: known are host, port,'],
    ['postgresql://u@h/d?target_session_attrs=standby', 'read-write or primary'],
    ['postgresql://u@h/d?sslnegotiation=direct', 'needs sslmode=require'],
    ['postgresql://u@h:99999/d', 'from 1 to 65535'],
    ['postgresql://u@a,b,c/d?port=1,2', 'one for each of the 3 hosts'],
    ['mysql://u@h/d', 'postgresql:// URL'],
  ])('%s is refused with what is allowed', (url, message) => {
    expect(refusalOf(url)).toContain(message);
  });
});
