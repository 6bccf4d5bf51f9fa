from flask import Flask, jsonify

app = Flask(__name__)


@app.route("/")
def greet():
    return "greeting one"


@app.route("/healthz")
def healthz():
    return jsonify(ok=True)
