import express = require('express');

const port: number = Number(process.env.PORT ?? 4020);
const app = express();
app.get('/', (request, response) => response.send('greeting one'));
app.get('/health', (request, response) => response.send('fine'));
app.listen(port, () => console.log(`listening on ${port}`));
