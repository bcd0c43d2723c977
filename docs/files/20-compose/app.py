"""A web site with a cat on it, and a count of its visits, which a database keeps."""

import os
from pathlib import Path

from flask import Flask, render_template
from redis import Redis

CATS = ["awake", "asleep", "contained"]

secret = Path("/run/secrets/password")
password = secret.read_text().strip() if secret.exists() else None
store = Redis(host=os.environ["STORE"], password=password)
store.ping()  # is the database there?

app = Flask(__name__)


@app.route("/")
def index():
    visits = store.incr("visits")
    return render_template("index.html", cat=CATS[visits % 3 - 1], visits=visits) + "\n"
