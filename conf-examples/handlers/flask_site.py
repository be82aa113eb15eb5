"""A site in Flask, for flask.conf."""

from flask import Flask, request


def create() -> Flask:
    """Make the application: once in each interpreter."""
    app = Flask(__name__, static_folder=None)

    app.add_url_rule("/", view_func=home)
    app.add_url_rule("/greet/<name>", view_func=greet, methods=["POST"])
    return app


def home() -> str:
    """Answer the page at /."""
    return f"Hello from {request.path}\n"


def greet(name: str) -> str:
    """Greet with the field of a form, as often as the query says."""
    times = request.args.get("times", 1, type=int)
    return " ".join([f"{request.form['greeting']}, {name}!"] * times) + "\n"
