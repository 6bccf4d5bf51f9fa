from flask import Flask
application = Flask(__name__)
if __name__ == '__main__':
    application.run(port=5005)
