import { NestFactory } from '@nestjs/core';
import { priceOf } from '@greengrocer/prices';

const port = Number(process.env.ORDERS_PORT ?? 4010);
async function begin() {
  const app = await NestFactory.create(class Orders {});
  await app.listen(port);
  console.log(priceOf('leek'));
}
begin();
