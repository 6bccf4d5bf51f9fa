import fastify from 'fastify';
fastify().listen({ port: 2500, host: '0.0.0.0' });
