const express = require('express');
// the rest is for others
const { BROKER_URL, CLIENT_TOKEN: token, QUEUE = 'letters', ...rest } = process.env;
const {
  LOG_LEVEL = 'info',
} = process.env;
const webPort = process.env.WEB_PORT || 7070;
const app = express();
app.listen(webPort, () => console.log(LOG_LEVEL, QUEUE, token, BROKER_URL, rest));
