import { PLAIN_PATHS, requestPath, type PathForm } from '../http/path.js';

/** The versions that a path may name, 2.0 to 2.15; all of them are served alike. */
const VERSION = /^\/v2(?:\.(?:\d|1[0-5]))?(?=\/|$)/;

/** Whether a canonical path is one of version 2. */
export function isVersioned(path: string): boolean {
  return path === '/v2' || path.startsWith('/v2/');
}

/**
 * The paths of the Image API. Dot segments are not resolved, `/v2.15/images` is `/v2/images`, and the path of the
 * public endpoint may precede a path, whether or not a proxy has removed it.
 */
export function imagePaths(publicUrl: string | undefined): PathForm {
  const prefix = publicUrl === undefined ? '' : (requestPath(publicUrl, PLAIN_PATHS)?.path ?? '');
  return {
    resolvesDots: false,
    canonical(path) {
      const prefixed = prefix.length > 1 && (path === prefix || path.startsWith(`${prefix}/`));
      const own = prefixed ? path.slice(prefix.length) || '/' : path;
      return own.startsWith('/v2.') ? own.replace(VERSION, '/v2') : own;
    },
  };
}
