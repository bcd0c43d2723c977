"""A web site with one cat on it: another one at each visit."""

from itertools import cycle

from flask import Flask, render_template

cats = cycle(["awake", "asleep", "contained"])
app = Flask(__name__)


@app.route("/")
def index():
    return render_template("index.html", cat=next(cats)) + "\n"
