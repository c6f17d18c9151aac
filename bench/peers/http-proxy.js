// @fastify/http-proxy, as its README has it: moments go to Kiip untouched.
import proxy from '@fastify/http-proxy';
import Fastify from 'fastify';

const app = Fastify();
app.get('/health/ready', async () => ({ status: 'ok' }));
app.register(proxy, {
  upstream: process.env.KIIP_BASE_URL,
  prefix: '/api/v1/kiip/moments',
  rewritePrefix: '/2.0/server/moment/',
  undici: { connections: 64, pipelining: 1 },
});
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
