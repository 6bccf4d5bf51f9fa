const http = require('http');
const port = process.env.PORT || 8123;
http.createServer((request, response) => response.end('ahoy')).listen(port);
