app.listen(3001);
