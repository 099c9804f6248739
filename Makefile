# make VERB ARGS="..."      Each verb sets the workspace up first (tools/setup_workspace.py); a second time that takes no time.
# PYTHON=/path/to/python3.11 names the interpreter for .venv where the one on the PATH doesn't serve.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup build lock lint format test trial sweep report replay bench train-policy docs-test test-lerobot train-codec gazebo-world gazebo-check clean
MAKEFLAGS += --no-print-directory
ARGS ?=
export PYTHON

START := $(firstword $(shell command -v python3 python3.11 python3.12))
RUN := . tools/env.sh && exec

help:  ## list the verbs (this is the default)
	@echo 'make VERB ARGS="..."    options of a verb: make VERB ARGS="--help"'
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' Makefile | expand -t 16

setup:  ## .venv with pinned packages, a headless renderer, colcon build; does nothing where all is current
ifeq ($(START),)
	@echo 'set-up: needs Python 3.11 or 3.12; install it, for example: sudo apt-get install python3 python3-venv' >&2; exit 1
endif
	@exec $(START) tools/setup_workspace.py

trial: setup  ## closed-loop episodes with a codec in the loop, a table and result files
	@$(RUN) embodiedcomp trial $(ARGS)

sweep: setup  ## codecs x rates x episodes, resumable, on all cores or a Ray cluster
	@$(RUN) embodiedcomp sweep $(ARGS)

report: setup  ## results folder -> one self-contained HTML page
	@$(RUN) embodiedcomp report $(ARGS)

replay: setup  ## a rosbag2, re-encoded at other rates
	@$(RUN) embodiedcomp replay $(ARGS)

bench: setup  ## speed and rate accuracy of codecs and of the closed loop
	@$(RUN) embodiedcomp bench $(ARGS)

train-policy: setup  ## train the reference policy on expert episodes, resumable
	@$(RUN) embodiedcomp train-policy $(ARGS)

train-codec: setup  ## train a learned codec's weights on task frames, resumable
	@$(RUN) embodiedcomp train-codec $(ARGS)

gazebo-world: setup  ## the work cell as a world for Gazebo Fortress, Harmonic or Ionic
	@$(RUN) embodiedcomp gazebo-world $(ARGS)

gazebo-check: setup  ## start that world in an installed Gazebo and check it: hold, cameras, grasps, reset, speed
	@$(RUN) embodiedcomp gazebo-check $(ARGS)

lint: setup  ## ruff (check and format) and mypy
	@. tools/env.sh && tools/lint.sh

format: setup  ## let ruff rewrite the sources
	@. tools/env.sh && ruff check --fix --quiet . ; ruff format .

test: lint  ## everything CI runs: lint, types, all tests; ARGS go to pytest
	@$(RUN) bash tools/test.sh $(ARGS)

docs-test: setup  ## every command of the tutorial, typed as it stands; ARGS: another page, words of a heading
	@$(RUN) python test/docs_runner.py $(ARGS)

test-lerobot: setup  ## the lerobot backend and datasets on lerobot's real classes, in a virtual environment of its own
	@bash tools/test_lerobot.sh $(ARGS)

build: setup  ## colcon build again, unasked
	@exec bash tools/build.sh

lock: setup  ## write requirements/lock.txt from what is installed in .venv
	@. tools/env.sh && python tools/lock.py > requirements/lock.txt.new && mv requirements/lock.txt.new requirements/lock.txt

clean:  ## remove build products; .venv and results stay
	rm -rf build install log .mypy_cache .ruff_cache .pytest_cache
