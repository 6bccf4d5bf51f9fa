import fastify from 'fastify';
fastify().listen({ port: 5151 });
