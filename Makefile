# make demo   train, measure and export a first detector on drawn pictures
# make test   install what the tests need and run the quick ones
# make lint   style, as CI checks it

VENV ?= .venv
PYTHON = $(VENV)/bin/python
# Two processes: TensorFlow traces on one core, and a third would need more memory.
PYTEST = $(PYTHON) -m pytest -q -n 2 --dist loadfile

.PHONY: demo test slow lint clean

demo: $(VENV)/kzoo
	$(PYTHON) -m recipes.detect --workdir=runs/first

test: $(VENV)/test
	$(PYTEST) -m "not slow"

slow: $(VENV)/test
	$(PYTEST) -m slow

lint: $(VENV)/test
	$(PYTHON) -m black --check -q .
	$(PYTHON) -m isort --check -q .
	$(PYTHON) -m flake8

$(VENV)/bin/python:
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "kzoo needs Python 3.11 or newer")'
	python3 -m venv $(VENV)

$(VENV)/kzoo: setup.cfg | $(VENV)/bin/python
	$(PYTHON) -m pip install -q -e .
	touch $@

$(VENV)/test: setup.cfg | $(VENV)/bin/python
	$(PYTHON) -m pip install -q -e '.[test]'
	touch $@ $(VENV)/kzoo

clean:
	rm -rf $(VENV) build dist *.egg-info
