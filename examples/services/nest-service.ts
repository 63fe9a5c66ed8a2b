/** A NestJS service with the guard and the decorators, for whichever platform it runs on. */
import 'reflect-metadata';
import type { Identity as Caller } from '@glimpse/domain';
import { AuthenticationUnavailable, PolicyRefused, Unauthenticated } from '@glimpse/auth';
import { Allow, AuthGuard, Identity, AUTH_GUARD_OPTIONS, type AuthGuardOptions } from '@glimpse/auth/nestjs';
import {
  Catch,
  Controller,
  Delete,
  Get,
  Module,
  UseFilters,
  UseGuards,
  type ArgumentsHost,
  type DynamicModule,
  type ExceptionFilter,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { Protection } from './trial.js';

@Catch(Unauthenticated, AuthenticationUnavailable, PolicyRefused)
class TokenFilter implements ExceptionFilter {
  constructor(private readonly host: HttpAdapterHost) {}

  catch(error: Unauthenticated | AuthenticationUnavailable | PolicyRefused, host: ArgumentsHost): void {
    const { httpAdapter } = this.host;
    const response: unknown = host.switchToHttp().getResponse();
    if (error.code === 'unauthenticated')
      httpAdapter.setHeader(response, 'WWW-Authenticate', error.challenge);
    const status = { unauthenticated: 401, 'authentication-unavailable': 503, 'policy-refused': 403 }[
      error.code
    ];
    httpAdapter.reply(response, '', status);
  }
}

@Controller()
@UseGuards(AuthGuard)
@UseFilters(TokenFilter)
class CallerController {
  @Get()
  show(@Identity() caller: Caller): string {
    return caller.userName;
  }

  @Delete()
  @Allow('delete_image')
  remove(@Identity() caller: Caller): string {
    return caller.userName;
  }
}

@Module({})
export class ServiceModule {
  static protectedBy(protection: Protection): DynamicModule {
    // Every route is the root, so the path is the same for Express and Fastify, whatever either decodes.
    const options: AuthGuardOptions = {
      ...protection,
      pathOf: (request) => (request as { url: string }).url.split('?', 1)[0]!,
    };
    return {
      module: ServiceModule,
      controllers: [CallerController],
      providers: [AuthGuard, TokenFilter, { provide: AUTH_GUARD_OPTIONS, useValue: options }],
    };
  }
}
