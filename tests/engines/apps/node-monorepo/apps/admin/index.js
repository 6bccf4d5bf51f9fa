const express = require('express');
const { greeting } = require('@shop/words');

const app = express();
app.get('/', (request, response) => response.send(`admin: ${greeting}`));
app.get('/healthz', (request, response) => response.send('ok'));
app.listen(process.env.PORT || 4032);
