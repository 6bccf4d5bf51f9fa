import os
import secrets

STATIC_ROOT = 'static'
WSGI_APPLICATION = 'archive.wsgi.application'
EMAIL_PORT = int(os.environ.get('MAIL_PORT', 25))
SECRET_KEY = os.environ.get('SECRET', secrets.token_hex(16))
