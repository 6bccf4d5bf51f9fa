os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chat.settings")
