from os import environ, getenv

from flask import Flask, request

PORT = int(environ.get('PORT') or 9310)
app = Flask(__name__)
app.secret_key = environ['SESSION_KEY']
FEED = getenv('FEED_URL')
REGION = getenv('REGION', default='north')


@app.route('/')
def page():
    agent = request.environ['HTTP_USER_AGENT']
    return f"{getenv('MOTD')} {agent} {REGION} {FEED}"


if __name__ == '__main__':
    app.run(host='0.0.0.0', port=PORT)
