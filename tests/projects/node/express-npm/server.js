const express = require('express');
const app = express();
const port = process.env.PORT || 3000;
const db = process.env.DATABASE_URL;
const level = process.env.LOG_LEVEL || 'info';
app.get('/healthz', (req, res) => res.send('ok'));
app.listen(port);
