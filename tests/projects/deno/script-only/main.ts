const handler = (_req: Request) => new Response("hi");
Deno.serve(handler);
