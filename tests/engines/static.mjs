// A web server of static files, which the registries of package managers are: node static.mjs DIRECTORY
// ADDRESS PORT. Prints a line when it listens and one for each request: status and path.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';

const [root, address, port] = process.argv.slice(2);
http.createServer((request, response) => {
  let file = path.join(root, path.normalize(decodeURIComponent(new URL(request.url, 'http://x').pathname)));
  if (fs.existsSync(file) && fs.statSync(file).isDirectory()) file = path.join(file, 'index.html');
  const found = fs.existsSync(file);
  process.stdout.write(`${found ? 200 : 404} ${request.url}\n`);
  if (!found) {
    response.writeHead(404).end();
    return;
  }
  // As the real ones: what package managers may keep, they do keep.
  const headers = { 'Content-Length': fs.statSync(file).size, 'Cache-Control': 'public, max-age=31536000' };
  if (file.endsWith('.html')) headers['Content-Type'] = 'text/html';
  if (file.endsWith('.json')) headers['Content-Type'] = 'application/json';
  response.writeHead(200, headers);
  if (request.method === 'HEAD') response.end();
  else fs.createReadStream(file).pipe(response);
}).listen(Number(port), address, () => process.stdout.write('listening\n'));
process.on('disconnect', () => process.exit());
