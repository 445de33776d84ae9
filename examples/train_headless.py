"""Train a U-Net on the strokes of a sample, predict all planes, score them, save model and masks."""

from __future__ import annotations

import argparse
from pathlib import Path

import napari_unet
from napari_unet.io import save_mask
from napari_unet.io.model_file import save_model
from napari_unet.report.table import format_text, summarise
from napari_unet.sample_data import load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", default="nuclei")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--output", type=Path, default=Path("example-output"))
    given = parser.parse_args()

    sample = load(given.sample)
    images, strokes = sample.pairs[0].image, sample.pairs[0].scribbles

    training = napari_unet.train(images, strokes, classes=sample.classes, seconds=given.seconds)
    for event in training:  # or just training.result()
        if event.model is not None:
            print(event.text)
    model = training.result()

    masks = napari_unet.predict(images, model).result()
    test = sample.planes(0, sample.test)
    rows = napari_unet.score(masks, sample.references[0] - 1, index=test, classes=sample.classes, name="unet").result()
    print(format_text(summarise(rows)))

    given.output.mkdir(parents=True, exist_ok=True)
    save_model(given.output / "model.pt", model, overwrite=True)
    save_mask(given.output / "masks.ome.zarr", masks + 1, classes=model.classes, geometry=images.geometry,
              overwrite=True)


if __name__ == "__main__":
    main()
