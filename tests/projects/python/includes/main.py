from flask import Flask
app = Flask('a')
