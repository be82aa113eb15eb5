"""A site that shows where its packages are from, for venv.conf."""

import sys

import flask

application = flask.Flask(__name__)


@application.route("/")
def home() -> flask.Response:
    """Show the environment, and the file of a package."""
    text = f"prefix: {sys.prefix}\nflask: {flask.__file__}\n"
    return flask.Response(text, mimetype="text/plain")
