import os
SECRET_KEY = os.environ['SECRET_KEY']
WSGI_APPLICATION = 'shop.wsgi.application'
STATIC_ROOT = 'static'
DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql'}}
