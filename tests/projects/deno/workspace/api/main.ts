import { Application } from "@oak/oak";
new Application().listen({ port: 8100 });
