import { describe, expect, it } from '@jest/globals';
import type { Identity as DomainIdentity } from '@glimpse/domain';
import type { ExecutionContext } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { AuthenticationUnavailable, PolicyRefused, Unauthenticated } from '../errors.js';
import { loadPolicy } from '../policy/index.js';
import { Allow, AuthGuard, Identity, identityOf, authenticationOf, type AuthGuardOptions } from './index.js';

const CHALLENGE = 'Keystone uri="http://keystone.example.com"';
const ANN: DomainIdentity = {
  userId: 'a',
  userName: 'ann',
  scope: { kind: 'none' },
  roles: [],
  accessRules: [{ service: 'compute', method: 'GET', path: '/v2.1/images' }],
  expiresAt: null,
  service: false,
};

const OPTIONS: AuthGuardOptions = {
  authenticator: {
    challenge: CHALLENGE,
    authenticate: (token) =>
      Promise.resolve(
        token === 'ann'
          ? { outcome: 'identity', identity: ANN }
          : token === 'away'
            ? { outcome: 'unavailable', retryAfter: 3 }
            : { outcome: 'invalid' },
      ),
  },
  serviceType: 'compute',
  pathOf: (request) => (request as { routed: string }).routed,
};

function request(token: string, changes: object = {}): object {
  return {
    method: 'GET',
    url: '/as-it-was-sent',
    routed: '/v2.1/images',
    headers: { 'x-auth-token': token },
    ...changes,
  };
}

function contextOf(request: object, controller: object = class {}, handler = () => 'ok'): ExecutionContext {
  return {
    switchToHttp: () => ({ getRequest: () => request }),
    getClass: () => controller,
    getHandler: () => handler,
  } as unknown as ExecutionContext;
}

function guard(request: object): Promise<boolean> {
  return new AuthGuard(OPTIONS).canActivate(contextOf(request));
}

/** The value that the parameter decorator passes to a controller's method, called as Nest does. */
function parameterFor(request: object): unknown {
  class Controller {
    show(@Identity() identity: DomainIdentity): DomainIdentity {
      return identity;
    }
  }
  const parameters = Reflect.getMetadata(ROUTE_ARGS_METADATA, Controller, 'show') as Record<
    string,
    { index: number; factory: (data: unknown, context: ExecutionContext) => unknown }
  >;
  const [parameter] = Object.values(parameters);
  expect(parameter?.index).toBe(0);
  return parameter?.factory(undefined, contextOf(request));
}

describe('AuthGuard', () => {
  it.each([undefined, {}, { ...OPTIONS, authenticator: undefined }, { ...OPTIONS, pathOf: '/' }])(
    'is not created with the options %j',
    (options) => {
      expect(() => new AuthGuard(options as never)).toThrow(
        expect.objectContaining({ code: 'invalid-options' }),
      );
    },
  );

  it('lets a request with a valid token through, with its identity', async () => {
    const sent = request('ann');
    expect(await guard(sent)).toBe(true);
    expect(identityOf(sent)).toBe(ANN);
  });

  it('refuses a request without a valid token, with the challenge', async () => {
    for (const token of ['', 'garbage']) {
      const sent = request(token);
      await expect(guard(sent)).rejects.toThrow(Unauthenticated);
      await expect(guard(sent)).rejects.toMatchObject({ challenge: CHALLENGE });
      expect(() => identityOf(sent)).toThrow();
    }
  });

  it('reports that a token cannot be validated', async () => {
    await expect(guard(request('away'))).rejects.toThrow(AuthenticationUnavailable);
    await expect(guard(request('away'))).rejects.toMatchObject({ retryAfter: 3 });
  });

  it('compares access rules with the path that is routed, not the one that was sent', async () => {
    const sent = { url: '/v2.1/images', routed: '/v2.1/images/70a599e0' };
    await expect(guard(request('ann', sent))).rejects.toThrow(Unauthenticated);
  });

  it("compares access rules with the request's method", async () => {
    await expect(guard(request('ann', { method: 'DELETE' }))).rejects.toThrow(Unauthenticated);
  });
});

describe('authenticationOf', () => {
  const LIST = { method: 'GET', path: '/v2.1/images', headers: { 'x-auth-token': 'ann' } };

  it('is shared with the guard in either order, with one validation of the token', async () => {
    let calls = 0;
    const options: AuthGuardOptions = {
      ...OPTIONS,
      authenticator: {
        challenge: CHALLENGE,
        authenticate: () => (calls++, { outcome: 'identity', identity: ANN }),
      },
    };
    const raw = {};
    const sent = request('ann', { raw });
    expect(authenticationOf(options, LIST, raw)).toBe(ANN);
    expect(await new AuthGuard(options).canActivate(contextOf(sent))).toBe(true);
    expect(identityOf(sent)).toBe(ANN);
    expect(calls).toBe(1);
  });

  it('is a promise that need not be awaited where the request is refused', async () => {
    const sent = request('garbage');
    const garbage = { ...LIST, headers: { 'x-auth-token': 'garbage' } };
    await expect(authenticationOf(OPTIONS, garbage, sent)).rejects.toThrow(Unauthenticated);
    void authenticationOf(OPTIONS, garbage, {});
    await new Promise((resolve) => setImmediate(resolve));
    await expect(guard(sent)).rejects.toThrow(Unauthenticated);
    expect(() => identityOf(sent)).toThrow('this route has no AuthGuard');
  });
});

describe('identityOf', () => {
  it('keeps requests apart', async () => {
    await guard(request('ann'));
    expect(() => identityOf(request('ann'))).toThrow('this route has no AuthGuard');
  });
});

describe('Identity', () => {
  it('is the caller of the request', async () => {
    const sent = request('ann');
    await guard(sent);
    expect(parameterFor(sent)).toBe(ANN);
  });

  it('fails on a route without the guard', () => {
    expect(() => parameterFor(request('ann'))).toThrow('this route has no AuthGuard');
  });
});

describe('Allow', () => {
  const rules = {
    context_is_admin: 'role:admin',
    anyone: '@',
    closed: '!',
    own_project: 'project_id:%(project_id)s',
  };
  const policy = loadPolicy({
    defaults: Object.entries(rules).map(([name, text]) => ({ name, text, description: '', enforced: true })),
  });

  @Allow('anyone')
  class Controller {
    plain = (): string => 'ok';

    @Allow('closed')
    closed(): string {
      return 'ok';
    }

    @Allow('own_project', (request: { of: string }) => ({ project_id: request.of }))
    ofProject(): string {
      return 'ok';
    }

    @Allow('own_project')
    ofCaller(): string {
      return 'ok';
    }
  }

  const IN_PROJECT: DomainIdentity = { ...ANN, scope: { kind: 'project', id: 'p1', name: 'demo' } };
  const options: AuthGuardOptions = {
    ...OPTIONS,
    authenticator: {
      challenge: CHALLENGE,
      authenticate: () => Promise.resolve({ outcome: 'identity', identity: IN_PROJECT }),
    },
    policy,
  };

  function call(method: keyof Controller, changes: object = {}, by = options): Promise<boolean> {
    const handler = new Controller()[method];
    return new AuthGuard(by).canActivate(contextOf(request('ann', changes), Controller, handler));
  }

  it("enforces the controller's rule, or a method's own instead", async () => {
    expect(await call('plain')).toBe(true);
    await expect(call('closed')).rejects.toThrow(PolicyRefused);
    await expect(call('closed')).rejects.toThrow("Policy doesn't allow closed to be performed.");
  });

  it('uses the target of the request', async () => {
    expect(await call('ofProject', { of: 'p1' })).toBe(true);
    await expect(call('ofProject', { of: 'p2' })).rejects.toThrow(PolicyRefused);
  });

  it("uses the caller's own project by default", async () => {
    expect(await call('ofCaller')).toBe(true);
  });

  it('comes after the token', async () => {
    const guard = new AuthGuard({ ...options, authenticator: OPTIONS.authenticator });
    const context = contextOf(request('garbage'), Controller, new Controller().closed);
    await expect(guard.canActivate(context)).rejects.toThrow(Unauthenticated);
  });

  it('holds for a controller that extends the one it stands on', async () => {
    @Allow('closed')
    class Base {}
    class Extended extends Base {}
    const context = contextOf(request('ann'), Extended);
    await expect(new AuthGuard(options).canActivate(context)).rejects.toThrow(PolicyRefused);
  });

  it('fails where there is no policy', async () => {
    await expect(call('closed', {}, { ...options, policy: undefined })).rejects.toThrow(
      "@Allow('closed') needs a policy: provide one with AUTH_GUARD_OPTIONS",
    );
  });
});
