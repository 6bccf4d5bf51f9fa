app.listen(config.get("port"))
