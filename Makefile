# `make` says what there is to make. Nothing but Python 3.11 and make need be installed.

# The engine that runs the commands: auto, none, or a URL such as unix:///var/run/docker.sock.
ENGINE ?= auto
# More options for sphinx-build, e.g. `make html SPHINXOPTS=-W`.
SPHINXOPTS ?=
# More options for pytest, e.g. `make test PYTESTOPTS="-k grammar"`.
PYTESTOPTS ?=
# The Python that .venv is made with.
PYTHON ?= python3

BIN := .venv/bin
PIP = $(BIN)/python -m pip --quiet --disable-pip-version-check
# What `make oldest` runs.
OLDEST = tests/sphinx/test_pipeline.py tests/sphinx/test_between_pages.py tests/sphinx/test_check.py
OPTIONS = -c . -j auto $(SPHINXOPTS)
export ENGINE

.DEFAULT_GOAL := help
.PHONY: help html live check refresh links images lock image test bench fuzz soak lint requirements clean browser oldest

help: ## say what there is to make
	@echo 'make TARGET [ENGINE=auto|none|URL] [SPHINXOPTS=…]'
	@echo
	@sed -n 's/^\([a-z][a-z]*\):[^#]*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16
	@echo
	@echo 'ENGINE: where commands are run. auto (as it is now: $(ENGINE)) asks DOCKER_HOST, else the docker'
	@echo 'context, else the usual sockets, and as root on Debian or Ubuntu else starts an engine of its own;'
	@echo 'none shows the recordings.'

html: .venv/installed ## build the site in build/html; run what has not been run yet
	$(BIN)/sphinx-build -M html docs build $(OPTIONS)

live: .venv/installed ## build, show at http://127.0.0.1:8000, and again after each edit
	$(BIN)/python -m docker_run engine --optional -- \
	    $(BIN)/sphinx-autobuild --watch ext --watch conf.py \
	    --re-ignore '(^|/)docs/recordings(/|$$)' --re-ignore '(^|/)build(/|$$)' --re-ignore '(^|/)\.' \
	    --re-ignore '__pycache__' \
	    docs build/html -d build/doctrees $(OPTIONS)

check: .venv/installed ## run everything, write nothing, say what differs from the recordings
	$(BIN)/sphinx-build -M docker-check docs build $(OPTIONS)

refresh: .venv/installed ## build the site; run everything again
	$(BIN)/sphinx-build -M html docs build -D docker_run_mode=always $(OPTIONS)

links: .venv/installed ## check the links to other sites, with the network; those within are checked by test
	$(BIN)/sphinx-build -M linkcheck docs build $(OPTIONS)

images: .venv/installed ## show the images of docs/images; build those that are missing (REBUILD=1: all; FROM=hub, FROM=catalogue: only from there)
	$(BIN)/python -m docker_run images --engine '$(ENGINE)' $(if $(FROM),--from '$(FROM)') $(if $(REBUILD),--rebuild) docs/images

lock: .venv/installed ## ask registries what images mean today; renew docs/images/lock.toml (IMAGES=NAME: only these)
	$(BIN)/python -m docker_run lock --engine '$(ENGINE)' docs/images $(IMAGES)

image: html ## build the site, and with it the image containers-course (OUTPUT=FILE.tar: save that, too)
	$(BIN)/python -m docker_run build --engine '$(ENGINE)' --catalogue docs/images \
	    --file docs/publish/Dockerfile --tag containers-course $(if $(OUTPUT),--output '$(OUTPUT)') .

test: .venv/installed browser ## run all tests; without an engine or a browser, those that need none
	$(BIN)/python -m docker_run engine --optional -- $(BIN)/python -m pytest $(PYTESTOPTS)

oldest: build/oldest/installed ## run tests of small sites on the oldest Sphinx that is supported, in a venv of its own
	build/oldest/bin/python -m pytest $(OLDEST) $(PYTESTOPTS)

bench: .venv/installed ## measure what recordings cost beside static pages, direct runs beside docker-py, and labs
	@status=0; \
	env PYTHONPATH=ext:tests $(BIN)/python tests/bench/replay.py || status=1; \
	for each in direct labs; do $(BIN)/python -m docker_run engine -- \
	    env PYTHONPATH=ext:tests $(BIN)/python tests/bench/$$each.py || status=1; done; \
	exit $$status

fuzz: .venv/installed ## fuzz what takes text of others apart (TARGET=…, SECONDS=60 for each); seeds are tried by test
	$(PIP) install atheris==3.0.0
	env PYTHONPATH=ext:tests $(BIN)/python -m fuzz $(if $(TARGET),--target $(TARGET)) --seconds $(or $(SECONDS),60)

soak: .venv/installed ## many builds, something going wrong in each, and what is lost or left (BUILDS=200 SEED=…)
	$(BIN)/python -m docker_run engine -- env PYTHONPATH=ext:tests $(BIN)/python -m soak \
	    $(if $(BUILDS),--builds $(BUILDS)) $(if $(SEED),--seed $(SEED)) $(if $(FIRST),--first $(FIRST))

lint: .venv/installed ## check style, types, which module imports which, spelling and wording
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy --strict docs/_extensions/*.py tools/*.py
	$(BIN)/lint-imports
	$(BIN)/codespell --ignore-words-list=fillin,caf $$(git ls-files '*.py' '*.md' '*.txt' '*.toml' '*.c' '*.css' '*.js' Makefile .ci docs/images ':!docs/recordings')
	$(BIN)/python tools/prose_lint.py $$(git ls-files '*.md' 'ext/*.py' 'docs/_extensions/*.py' 'tools/*.py' conf.py)

requirements: .venv/installed ## renew requirements.txt from requirements.in; versions stay (UPGRADE=1: don't)
	$(PIP) install uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes $(if $(UPGRADE),--upgrade) \
	    --custom-compile-command 'make requirements' --output-file requirements.txt requirements.in >/dev/null
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --resolution lowest-direct \
	    $(if $(UPGRADE),--upgrade) --custom-compile-command 'make requirements' \
	    --output-file requirements-oldest.txt ext/pyproject.toml requirements-oldest.in >/dev/null

clean: ## remove build, and what builds left on the engine and on this machine
	rm -rf build
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m docker_run clean --engine '$(ENGINE)'; \
	else echo 'There is no .venv: an engine was not looked for.'; fi

# Chromium for the tests that look at pages; they are skipped where it can't be had.
browser:
	@if command -v chromium >/dev/null || command -v chromium-browser >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo 'Installing chromium with apt, for the tests that look at pages.'; \
	    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium; } \
	        >.venv/chromium.log 2>&1 || echo 'It could not be installed: see .venv/chromium.log'; \
	else echo 'There is no chromium: the tests that look at pages are skipped.'; fi

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo 'Python 3.11 or later is needed; name one with `make PYTHON=python3.12 …`.' >&2; exit 1; }
	@if $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo 'Making .venv'; $(PYTHON) -m venv .venv; \
	elif $(PYTHON) -c 'import pip, venv' 2>/dev/null; then \
	    echo 'Making .venv'; $(PYTHON) -m venv --without-pip .venv && \
	    $(PYTHON) -m pip --python .venv/bin/python install --quiet --disable-pip-version-check pip; \
	else \
	    echo 'Python lacks the module venv; on Debian and Ubuntu: apt-get install python3-venv' >&2; false; \
	fi || { rm -rf .venv; exit 1; }

# Newer than requirements.txt and the extension's own pyproject.toml: nothing to install.
.venv/installed: requirements.txt ext/pyproject.toml | .venv/bin/python
	$(PIP) install --require-hashes -r requirements.txt
	$(PIP) install --no-deps --no-build-isolation -e ./ext
	@touch $@

# The lowest versions that the extension allows. pip is that of .venv, and pytest finds the extension itself.
build/oldest/installed: requirements-oldest.txt | .venv/installed
	$(BIN)/python -m venv --without-pip build/oldest
	$(BIN)/python -m pip --python build/oldest/bin/python install --quiet --disable-pip-version-check \
	    --require-hashes -r requirements-oldest.txt
	@touch $@
