Bun.serve({ port: 3210, fetch() { return new Response('x'); } });
