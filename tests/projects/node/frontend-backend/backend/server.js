app.listen(5000)
