const Koa = require('koa');
const secret = process.env.API_SECRET;
new Koa().listen(process.env.PORT || 8000);
