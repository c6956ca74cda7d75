# Training with Less Data. `make book` and `make test` are all you need; `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

PROFILE     ?= standard
DATASET     ?=
CHAPTERS    ?=
SEED        ?=
SEEDS       ?= 0,1,2
PYTHON      ?= python3
TORCH_INDEX ?=
PYTEST_ARGS ?=
PORT        ?= 8000

# What the reader typed is text, whatever it looks like: neither make nor the shell gets to read it as a program. The
# data set travels to the commands in the environment.
GIVEN := $(foreach name,$(.VARIABLES),$(if $(findstring command line,$(origin $(name))),$(name)))
override PROFILE := $(value PROFILE)
override DATASET := $(value DATASET)
override CHAPTERS := $(value CHAPTERS)
override SEED := $(value SEED)
override SEEDS := $(value SEEDS)
ifeq ($(origin JOBS),undefined)
JOBS := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
endif
override JOBS    := $(value JOBS)
export DATASET
quote = '$(subst ','\'',$1)'

# Chapters run side by side, one thread each: two threads on two busy cores were measured 16 times slower than one.
export OMP_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= $(OMP_NUM_THREADS)
export OPENBLAS_NUM_THREADS ?= $(OMP_NUM_THREADS)

KNOWN    := PROFILE DATASET CHAPTERS SEED SEEDS JOBS PYTHON TORCH_INDEX PYTEST_ARGS PORT MIRROR
PROFILES := standard $(basename $(notdir $(wildcard chapters/profiles/*.yml)))
ifneq ($(filter-out $(KNOWN),$(GIVEN)),)
$(error $(filter-out $(KNOWN),$(GIVEN)) is no variable of this Makefile; allowed: $(filter-out MIRROR,$(KNOWN)))
endif
ifneq ($(words $(filter $(PROFILES),$(PROFILE))),1)
NEAREST := $(shell $(PYTHON) -c "import difflib, sys; print(*difflib.get_close_matches(sys.argv[1], sys.argv[2:], 1, 0))" $(call quote,$(PROFILE)) $(PROFILES))
$(error PROFILE=$(PROFILE) is not a profile; did you mean $(NEAREST)? allowed: $(PROFILES))
endif
ifneq ($(shell [ $(call quote,$(JOBS)) -ge 1 ] 2>/dev/null && echo whole),whole)
$(error JOBS=$(JOBS); allowed: whole numbers from 1)
endif
SEED_LIST := $(shell [[ $(call quote,$(or $(SEED),0)) =~ ^(0|[1-9][0-9]*)$$ && $(call quote,$(SEEDS)) =~ ^(0|[1-9][0-9]*)(,[1-9][0-9]*)*$$ ]] && echo $(call quote,$(SEEDS)) | tr , " ")
ifeq ($(SEED_LIST),)
$(error SEED=$(SEED) SEEDS=$(SEEDS); allowed: whole numbers, as in SEED=1 or SEEDS=0,1,2)
endif
ifneq ($(and $(SEED),$(DATASET)),)
$(error SEED=$(SEED) with a DATASET; allowed: one of them, since only the book's own data are run on other seeds)
endif

# CHAPTERS="02 03" executes these alone and builds no site: a long run of the full profile, a chapter at a time.
NUMBERS  := $(patsubst chapters/%,%,$(foreach n,$(sort $(wildcard chapters/[0-9][0-9]_*.ipynb)),$(firstword $(subst _, ,$(n)))))
ifneq ($(filter-out $(NUMBERS),$(CHAPTERS)),)
$(error CHAPTERS=$(CHAPTERS): $(filter-out $(NUMBERS),$(CHAPTERS)) is no chapter; allowed: $(NUMBERS))
endif

# Executed chapters, and the pages that summarise them, are written to a mirror, one for each profile and data set: its
# name is `check-data`'s, from the path and the content. Chapters that keep the book's own data are borrowed.
PLAIN    := _build/$(PROFILE)$(patsubst %,-seed-%,$(filter-out 0,$(SEED)))
MIRROR   ?= $(PLAIN)
SITE     := $(if $(filter _build/standard,$(MIRROR)),_build/html,$(MIRROR)/html)/index.html
NOTEBOOKS := $(sort $(wildcard chapters/[0-9][0-9]_*.ipynb))
EXECUTED := $(NOTEBOOKS:%=$(MIRROR)/%)
SUMMARY  := $(MIRROR)/chapters/scoreboard.ipynb $(MIRROR)/chapters/run_times.ipynb
PAGES    := $(wildcard chapters/*.md chapters/_static/*) _config.yml _toc.yml references.bib labutils/book/site.py
VENV     := .venv/installed
BOOK     := .venv/bin/python -m labutils.book

STRIP    := .venv/bin/nbstripout --keep-id --extra-keys "metadata.language_info metadata.papermill cell.metadata.papermill cell.metadata.execution"

.PHONY: help book chapters test serve install lab bench readme verdicts keep-full lint strip clean

help:  ## this list
	@echo "make <target> [PROFILE=$(subst $() ,|,$(PROFILES))] [DATASET=name or path] [CHAPTERS=\"02 03\"] [SEED=1] [JOBS=$(JOBS)] [PYTHON=python3.12]"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 14

book: $(VENV)  ## execute the chapters that changed, build the site, print where it is
	@echo "book: profile $(PROFILE), $(words $(or $(CHAPTERS),$(NOTEBOOKS))) chapters, $(JOBS) at a time"
	@mirror=$(PLAIN); if [ -n "$$DATASET" ]; then mirror=$$($(BOOK) check-data --profile $(PROFILE)) || exit 1; fi; \
	  go="$(MAKE) --silent --no-print-directory --keep-going MIRROR=$$mirror"; \
	  $$go -j$(JOBS) chapters \
	  || { echo "book: not built; see FAILED above. Finished chapters are kept: mend it and run make book again." >&2; exit 1; }; \
	  $(if $(CHAPTERS),echo "$(abspath .)/$$mirror/chapters",$$go site)

chapters: $(if $(CHAPTERS),$(foreach n,$(CHAPTERS),$(filter $(MIRROR)/chapters/$(n)_%,$(EXECUTED))),$(EXECUTED) $(SUMMARY))

site: $(SITE)
	@echo "$(abspath $(SITE))"

$(PLAIN)/chapters/%.ipynb: chapters/%.ipynb | $(VENV)
	@DATASET= $(BOOK) run $< --profile $(PROFILE) $(patsubst %,-p seed %,$(filter-out 0,$(SEED))) --output $@

ifneq ($(MIRROR),$(PLAIN))
-include $(MIRROR)/own.mk
$(OWN:%=$(MIRROR)/chapters/%.ipynb): $(MIRROR)/chapters/%.ipynb: $(PLAIN)/chapters/%.ipynb $(MIRROR)/own.json
	@$(BOOK) borrow $(PLAIN)/chapters/$*.ipynb --output $@

$(MIRROR)/chapters/%.ipynb: chapters/%.ipynb | $(VENV)
	@$(BOOK) run $< --profile $(PROFILE) --output $@
endif

$(SUMMARY): $(EXECUTED) chapters/findings.yml $(wildcard chapters/records/*.json)

# What a chapter needs besides its notebook is read from its imports: an edit executes anew only what it can change.
RULES    := _build/dependencies/rules.mk
ifneq ($(filter-out help clean lint strip test bench $(VENV),$(or $(MAKECMDGOALS),help)),)
include $(RULES)
endif
$(RULES): $(wildcard labutils/*.py labutils/*/*.py chapters/*.ipynb chapters/explorers/*.js chapters/profiles/*.yml) chapters/claims.yml
	@$(PYTHON) labutils/book/dependencies.py $(@D)

$(SITE): $(EXECUTED) $(SUMMARY) $(PAGES)
	@rm -f $(filter-out $(EXECUTED) $(SUMMARY),$(wildcard $(MIRROR)/chapters/*.ipynb))
	@$(BOOK) assemble $(MIRROR) --site $(@D) > /dev/null

# uv, where it is there, finds the torch that fits the machine; where it is not, or cannot, pip does the same.
UV := { command -v uv > /dev/null && test -z "$(TORCH_INDEX)" && UV_PYTHON_DOWNLOADS=never uv pip install --python .venv/bin/python --torch-backend=auto -r requirements.txt; }

# An interrupted making of .venv starts over; only a whole one is brought up to date.
$(VENV): requirements.txt pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and f'Python 3.11 to 3.13 is needed, {sys.executable} is {sys.version.split()[0]}; choose one with make PYTHON=python3.12 ...')"
	@echo "venv: installing requirements.txt into .venv (torch is large: a few minutes, the first time$(if $(TORCH_INDEX),,; without a GPU a tenth of the disk will do: make TORCH_INDEX=https://download.pytorch.org/whl/cpu))"
	@test -e $@ || $(PYTHON) -m venv --clear .venv
	@rm -f $@
	@$(UV) || { set -o pipefail; .venv/bin/python -m pip install --disable-pip-version-check --progress-bar off \
	  $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -r requirements.txt | awk '/Downloading|Installing/ {print; fflush()}'; }
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

test: $(VENV)  ## run the tests (PYTEST_ARGS="..." goes to pytest)
	.venv/bin/python -m pytest $(PYTEST_ARGS)

install: $(VENV)  ## make .venv alone, for the audit

lab: $(VENV)  ## open the chapters in JupyterLab
	@cd chapters && ../.venv/bin/jupyter lab

bench: $(VENV)  ## run the benchmarks, one after another
	@for bench in tests/bench/bench_*.py; do echo "== $$bench"; .venv/bin/python $$bench || exit 1; done

serve: book  ## build the book and serve it at http://localhost:8000 (PORT=)
	.venv/bin/python -m http.server --directory $(dir $(SITE)) --bind 127.0.0.1 $(PORT)

readme: $(VENV)  ## build the book, write its findings into README.md and all claims into chapters/records/standard.md
	@$(MAKE) --no-print-directory book
	@$(BOOK) readme $(PLAIN)/chapters

verdicts: $(VENV)  ## execute the chapters on other seeds (SEEDS=0,1,2) and keep what every claim came to
	@for seed in $(SEED_LIST); do echo "verdicts: seed $$seed"; \
	  $(MAKE) --silent --no-print-directory -j$(JOBS) PROFILE=standard DATASET= SEED=$$seed CHAPTERS="$(or $(CHAPTERS),$(NUMBERS))" chapters || exit 1; done
	@$(BOOK) keep-seeds $(foreach seed,$(SEED_LIST),_build/standard$(patsubst %,-seed-%,$(filter-out 0,$(seed)))/chapters)

keep-full: $(VENV)  ## keep the claims of the last run of the full profile in chapters/records/full.json
	@$(BOOK) keep-full _build/full/chapters

lint: $(VENV)  ## check style, and that the notebooks hold no outputs
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	$(STRIP) --verify chapters/*.ipynb

strip: $(VENV)  ## take the outputs out of the notebooks, before a commit
	$(STRIP) chapters/*.ipynb

clean:  ## remove everything built (not .venv)
	rm -rf _build
