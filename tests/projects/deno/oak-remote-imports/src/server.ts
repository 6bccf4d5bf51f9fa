import { Application } from "https://deno.land/x/oak@v12.6.1/mod.ts";
const app = new Application();
await app.listen({ port: 9000 });
