/** The minimum in Fastify: a route without token and rules. Its one argument names the responses. */
import Fastify from 'fastify';
import { answersOf } from './answers.mjs';

const how = JSON.parse(process.argv[2]);
const answerTo = answersOf(how);
const asIs = (body) => body;
const fastify = Fastify({ logger: false });
const send = (reply, { headers, body }) => reply.headers(headers).serializer(asIs).send(body);
fastify.get(how.route ?? `${how.images ?? '/v2.1/images'}/:id`, (request, reply) => {
  const answer = answerTo(request.params.id ?? 'list');
  if (!(answer instanceof Promise)) return send(reply, answer);
  return answer.then((read) => send(reply, read));
});
console.log(await fastify.listen({ port: 0, host: '127.0.0.1' }));
