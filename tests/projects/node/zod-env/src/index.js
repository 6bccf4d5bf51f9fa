const env = z.object({
  API_KEY: z.string().min(1),
  PORT: z.coerce.number().default(8081),
});
app.listen(env.PORT);
