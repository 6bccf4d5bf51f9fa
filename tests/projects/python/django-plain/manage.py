os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'a.settings')
