app.listen(process.env.PORT || 5001)
