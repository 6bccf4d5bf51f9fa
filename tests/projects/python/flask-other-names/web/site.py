import flask
site = flask.Flask('x')
