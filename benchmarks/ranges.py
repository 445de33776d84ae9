"""The same picture in other numbers: python benchmarks/ranges.py --data FOLDER [--sets NAME ...] [--seconds 10].

A model learns the fixed strokes of a set as they are (8 bits) and is asked for the test planes in four forms: 8 bits,
16 bits (times 257), 0 to 1, and with an offset of 1000. Then it learns them in each form and is asked for the same
form, as in a window. Printed is the mean Dice of the classes, and by how much the forms differ. ``saved`` goes through
a model file. Each plane is asked for as a file of its own, which knows nothing of its stack.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _shared import dice, of_model, set_names, thinned
from numpy.typing import NDArray

from napari_unet.comparison.contenders import make_method
from napari_unet.core.errors import InputWarning
from napari_unet.core.image import Image
from napari_unet.core.method import Model
from napari_unet.core.scribbles import Pair, TrainingSet
from napari_unet.core.work import Work
from napari_unet.io.model_file import load_model, save_model
from napari_unet.sample_data import Sample, load_set

FORMS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "uint8": lambda grey: grey,
    "uint16 x257": lambda grey: grey.astype(np.uint16) * np.uint16(257),
    "float 0..1": lambda grey: grey.astype(np.float32) / np.float32(255),
    "offset 1000": lambda grey: grey.astype(np.uint16) + np.uint16(1000),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of sets")
    parser.add_argument("--sets", nargs="+", help="default: all")
    parser.add_argument("--planes", type=int, default=2, help="test planes of a set (default 2)")
    parser.add_argument("--seconds", type=float, default=10.0, help="training time (default 10; 0: no network)")
    parser.add_argument("--learnt", nargs="+", choices=list(FORMS), default=list(FORMS))
    given = parser.parse_args(arguments)
    warnings.simplefilter("ignore", InputWarning)
    methods: dict[str, dict[str, Any]] = {"instant": {"head": "logistic"}, "instant, trees": {"head": "trees"}}
    if given.seconds:
        methods["trained, saved"] = {"seconds": given.seconds}
    forms = " ".join(f"{form:>11}" for form in FORMS)
    print(f"{'set':<18} {'method':<15} {'learnt from':<12} {forms}  differ by")
    for name in set_names(given.data, given.sets):
        sample = load_set(given.data / name)
        for method, options in methods.items():
            for form in given.learnt:
                kind = "unet" if "seconds" in options else "instant"
                model = learnt(in_form(sample, FORMS[form]).training, kind, options)
                found = [score(model, in_form(sample, other), given.planes) for other in FORMS.values()]
                print(f"{name:<18} {method:<15} {form:<12} " + " ".join(f"{one:11.3f}" for one in found)
                      + f"  {max(found) - min(found):.3f}", flush=True)


def in_form(sample: Sample, form: Callable[[NDArray[Any]], NDArray[Any]]) -> Sample:
    """Return a set in other numbers."""
    pairs = tuple(Pair(dataclasses.replace(pair.image, data=form(np.asarray(pair.image.data))), pair.scribbles)
                  for pair in sample.pairs)
    return dataclasses.replace(sample, pairs=pairs)


def learnt(training: TrainingSet, kind: str, options: dict[str, Any]) -> Model:
    """Let a method learn; a network goes through a file."""
    model = Work(make_method(kind, seed=0, **options).fit(training)).result()
    if kind == "instant":
        return model
    with tempfile.TemporaryDirectory() as folder:
        save_model(Path(folder) / "model.pt", model)
        return load_model(Path(folder) / "model.pt")


def score(model: Model, sample: Sample, most: int) -> float:
    """Return the mean Dice over classes and test planes; each plane as a file of its own, as far as there are files."""
    predict, found = of_model(model), []
    for number, plane in thinned(sample.test, most):
        image, reference = sample.pairs[number].image, sample.references[number]
        assert reference is not None
        alone = Image(np.asarray(image.data)[plane], image.axes[1:]) if image.n_planes > 1 else image
        labels = predict(alone, 0)
        found += [dice(labels, reference[image.where(plane)], one) for one in sample.classes.ids[1:]]
    return float(np.mean(found))


if __name__ == "__main__":
    main()
