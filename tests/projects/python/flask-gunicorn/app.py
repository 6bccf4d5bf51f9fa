import os
from flask import Flask
app = Flask(__name__)
DB = os.environ['DATABASE_URL']
DEBUG = os.getenv('DEBUG', '0')
@app.route('/health')
def health():
    return 'ok'
