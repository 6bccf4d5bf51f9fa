import { Pool } from 'pg';

const pool = new Pool({ connectionString: process.env.PRICES_DATABASE_URL });
export function priceOf(name: string) {
  return pool.query('select price from goods where name = $1', [name]);
}
