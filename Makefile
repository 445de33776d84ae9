# Two commands: `make demo` shows what it does, `make test` checks everything. Both make .venv and install what is missing.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
# CPU users may name PyTorch's own CPU index: make demo TORCH_INDEX=https://...
TORCH := $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX),)
BINDINGS := pyqt5 pyqt6
# where to look for a free display, apart from one another
SCREEN_pyqt5 := 99
SCREEN_pyqt6 := 199
# what is tested in the window
WINDOW := tests/ui
LOWEST := .venv-lowest

.PHONY: demo test lint types unit window soak lowest bench pretrain figures venv dev debian clean

demo: $(VENV)/installed
	$(BIN)/napari-unet demo

test: debian $(VENV)/installed-dev
	$(MAKE) --no-print-directory lint types unit window SHARE=--share

lint:
	$(BIN)/ruff check .

types:
	$(BIN)/mypy

# one thread a process: two teams of threads on two cores wait for each other
unit:
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --ignore tests/ui -m "not soak"

# the real window, in a virtual display, on both Qt bindings at once: each keeps one core busy. With SHARE=--share, they
# share the tests, as `make test` has no time for all on both; that is done here without it, in soak, and on GitHub
window:
	$(MAKE) --no-print-directory --jobs --output-sync=line $(BINDINGS:%=window-%)

window-%:
	OMP_NUM_THREADS=1 QT_API=$* PYTEST_QT_API=$* xvfb-run -a -n $(SCREEN_$*) -s "-screen 0 1920x1080x24" $(BIN)/pytest $(WINDOW) -m "not soak" $(SHARE)

soak: debian $(VENV)/installed-dev
	xvfb-run -a -s "-screen 0 1920x1080x24" $(BIN)/pytest -m soak
	$(MAKE) --no-print-directory window
	$(MAKE) --no-print-directory lowest

# the bounds in pyproject.toml hold: unit tests and the whole loop in the window with the lowest versions they allow
lowest: debian $(LOWEST)/installed
	$(MAKE) --no-print-directory unit window VENV=$(LOWEST) WINDOW=tests/ui/test_whole_loop.py

# full measurements; DATA is a folder of sets laid out like sample_data
bench: $(VENV)/installed-dev
	$(BIN)/python benchmarks/prediction.py
	$(BIN)/python benchmarks/large.py --size 16384 --planes 4 16 --networks small default
	$(BIN)/python benchmarks/large.py --size 4096 --planes 4 --networks small --kills 10 --workers 1 2
	for size in 4096 8192 16384; do \
	  $(BIN)/python benchmarks/large.py --size $$size --planes 1 --networks small monai threshold dask || exit 1; done
	$(BIN)/python benchmarks/training.py --data $(or $(DATA),napari_unet/sample_data)
	$(BIN)/python benchmarks/strokes.py --data $(or $(DATA),napari_unet/sample_data)
	$(BIN)/python benchmarks/annotator.py --data $(or $(DATA),napari_unet/sample_data)
	$(if $(DATA),$(BIN)/python benchmarks/depth.py --data $(DATA))
	$(BIN)/python benchmarks/trust.py --data $(or $(DATA),napari_unet/sample_data)
	$(BIN)/python benchmarks/metrics.py
	$(BIN)/python benchmarks/object_table.py
	$(BIN)/python benchmarks/instant.py
	xvfb-run -a -s "-screen 0 1920x1080x24" $(BIN)/python benchmarks/window.py
	xvfb-run -a -s "-screen 0 1920x1080x24" $(BIN)/python benchmarks/responsiveness.py

# train the features that ship, on drawn images; goes on where RUN left off
pretrain: $(VENV)/installed-dev
	$(BIN)/python -m pretraining.train $(or $(RUN),build/pretraining) --hours $(or $(HOURS),2)
	$(BIN)/python -m pretraining.pack $(or $(RUN),build/pretraining)

# every picture of README and docs, from the real window and the real data
figures: debian $(VENV)/installed-dev
	QT_API=pyqt6 xvfb-run -a -s "-screen 0 1920x1080x24" $(BIN)/python docs/make_figures.py
	QT_API=pyqt6 xvfb-run -a -s "-screen 0 1920x1080x24" $(BIN)/python docs/make_film_strip.py
	QT_API=pyqt6 xvfb-run -a -s "-screen 0 1920x1080x24" $(BIN)/python docs/make_object_pictures.py
	$(BIN)/python docs/make_pretraining_figure.py
	$(BIN)/python docs/make_gallery.py

debian:
	@tools/debian.sh

$(VENV)/bin/python:
	@$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))" \
	  || { echo "Python 3.11 to 3.14 is needed; name one with make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c "import ensurepip" 2>/dev/null || tools/debian.sh
	$(PYTHON) -m venv $(VENV)

$(VENV)/torch: $(VENV)/bin/python constraints.txt
	$(PIP) $(TORCH) torch
	@touch $@

# before it was napari-unet-live, this project was installed here as napari-unet; pip takes the two for strangers
$(VENV)/installed: $(VENV)/torch pyproject.toml constraints.txt
	@$(BIN)/python -m pip uninstall --quiet --quiet --yes napari-unet
	$(PIP) -e ".[pyqt5]"
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(PIP) --upgrade pip
	$(PIP) --group dev --group formats
	@# runs packages of bioimage.io; it asks for one version of bioimageio.spec, which pydantic has left behind
	$(PIP) --no-deps bioimageio.core
	@touch $@

# Python 3.11, for which all of the lowest versions can be had; made anew, so that nothing is left of other bounds
$(LOWEST)/installed: pyproject.toml tools/lowest.py
	@for python in $(PYTHON) python3.11; do \
	  $$python -c "import sys; sys.exit(sys.version_info[:2] != (3, 11))" 2>/dev/null \
	  && exec $$python -m venv --clear $(LOWEST); \
	done; echo "The lowest versions need Python 3.11; name one with make lowest PYTHON=python3.11"; exit 1
	$(LOWEST)/bin/python tools/lowest.py > $(LOWEST)/lowest.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(LOWEST)/bin/python -m pip install --quiet -c $(LOWEST)/lowest.txt $(TORCH) torch
	$(LOWEST)/bin/python -m pip install --quiet -c $(LOWEST)/lowest.txt -e ".[pyqt5,pyqt6]" --group dev
	@touch $@

clean:
	rm -rf $(VENV) $(LOWEST) demo-output build dist
