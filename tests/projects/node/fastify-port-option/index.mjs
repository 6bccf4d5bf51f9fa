const app = fastify();
await app.listen({ host: '0.0.0.0', port: 7000 });
