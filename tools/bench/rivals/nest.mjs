/** The plain way of Nest on Fastify: a guard that checks tokens, a controller that returns text. Argument: as in fastify.mjs. */
import 'reflect-metadata';
import { createHash } from 'node:crypto';
import { Controller, Get, Module, Param, Res, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { answersOf } from './answers.mjs';

const { token, ...how } = JSON.parse(process.argv[2]);
const answerTo = answersOf(how);
const asIs = (body) => body;
const keyOf = (text) => createHash('sha256').update(text).digest('base64');
const known = new Set([keyOf(token)]);

class TokenGuard {
  canActivate(context) {
    return known.has(keyOf(context.switchToHttp().getRequest().headers['x-auth-token']));
  }
}

class ImagesController {
  async show(id, reply) {
    const { headers, body } = await answerTo(id);
    reply.headers(headers).serializer(asIs).send(body);
  }
}
const { prototype } = ImagesController;
Controller('v2.1/images')(ImagesController);
UseGuards(TokenGuard)(ImagesController);
Get(':id')(prototype, 'show', Object.getOwnPropertyDescriptor(prototype, 'show'));
Param('id')(prototype, 'show', 0);
Res()(prototype, 'show', 1);

class AppModule {}
Module({ controllers: [ImagesController] })(AppModule);

const app = await NestFactory.create(AppModule, new FastifyAdapter({ logger: false }), { logger: false });
await app.listen(0, '127.0.0.1');
console.log(await app.getUrl());
