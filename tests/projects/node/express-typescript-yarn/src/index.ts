import express from 'express';
const app = express();
const PORT = parseInt(process.env.PORT || '4000');
if (!process.env.JWT_SECRET) { throw new Error('JWT_SECRET'); }
app.get("/health", (_, res) => res.json({}));
app.listen(PORT);
