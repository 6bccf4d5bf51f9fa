import os

os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'archive.settings')
