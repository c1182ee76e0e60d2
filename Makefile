# Everything works in .venv; the first target that needs it makes it.
PYTHON ?= python3
BIN := .venv/bin
FILES = $(shell find linksim blocks flowgraphs benches cli studio -not -path 'studio/page/*' '(' -path 'studio/static/*' -o -name '*.py' -o -name '*.safetensors' -o -name '*.csv' -o -name py.typed -o -path 'blocks/weights/*.md' -o -name '*.words.txt' -o -name '*.counts.npz' -o -name '*.grc' ')' | sort)
# uv installs in seconds what takes pip minutes. Where it finds no package that pip's own settings would find, pip does it.
UV := $(shell command -v uv)
SETTINGS := --config-settings editable_mode=strict
# A name of its own, because a comma inside $(call ...) ends the argument.
EVERYTHING := '.[all,dev]'
install = $(if $(UV),uv pip install --quiet --python $(BIN)/python $(SETTINGS) $(1) ||) \
	$(BIN)/pip install --quiet --disable-pip-version-check $(SETTINGS) $(1)

.PHONY: demo test bench docs studio lint clean

demo: .venv/core .venv/linked
	$(BIN)/linksim demo --out demo

# Two processes with one thread each: several threads on cores that others use too wait for each other.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --durations 10

lint: .venv/full .venv/linked
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright

bench: .venv/full .venv/linked
	$(BIN)/python tests/benchmarks/engine_overhead.py
	$(BIN)/python tests/benchmarks/picture_end_to_end.py
	$(BIN)/python tests/benchmarks/codec_speed.py
	$(BIN)/python tests/benchmarks/sweep_speed.py
	$(BIN)/python tests/benchmarks/sweep_kills.py
	$(BIN)/python tests/benchmarks/coded_bler.py
	$(BIN)/python tests/benchmarks/waveform_speed.py

# Warnings are errors.
docs: .venv/full .venv/linked
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going docs build/site
	@echo "the site is build/site/index.html"

# Bundles the page of linksim studio from its TypeScript sources; needs Node, which no user of the page does.
studio:
	cd studio/page && npm ci --no-audit --no-fund && npm run build

clean:
	rm -rf .venv build studio/page/node_modules demo out linksim.egg-info docs/generated

.venv/bin/python:
	$(if $(UV),uv venv --quiet --seed --python $(PYTHON) .venv ||) $(PYTHON) -m venv .venv

.venv/core: .venv/bin/python pyproject.toml
	$(call install,--editable .)
	@touch $@

.venv/full: .venv/bin/python pyproject.toml
	$(call install,--editable $(EVERYTHING))
	@touch $@ .venv/core

# A strict editable install links file by file, so that type checkers see it: new files need a new install.
.venv/linked: .venv/bin/python pyproject.toml $(FILES)
	@{ echo '$(FILES)'; cat pyproject.toml; } | cmp --silent - .venv/files || { $(call install,--no-deps --editable .); }
	@{ echo '$(FILES)'; cat pyproject.toml; } > .venv/files
	@touch $@
