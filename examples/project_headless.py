"""Train on a project that was painted in the window, segment all its images, and count what is in them."""

from __future__ import annotations

import argparse
from pathlib import Path

import napari_unet
from napari_unet.core.classes import to_painted
from napari_unet.core.errors import UserError
from napari_unet.io.model_file import save_model
from napari_unet.report.counts_table import write_counts
from napari_unet.workflows.counts import COLUMNS, count_mask


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", help="a folder NAME.unet")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--output", type=Path, default=Path("example-output"))
    given = parser.parse_args()

    project = napari_unet.open_project(given.project)  # to read: the window may have it open
    for text in project.told:
        print(text)
    model = napari_unet.train(project.images, project.scribbles, classes=project.classes, steps=given.steps,
                              seconds=None, deterministic=True).result()
    given.output.mkdir(parents=True, exist_ok=True)
    save_model(given.output / "model.pt", model, overwrite=True)

    rows = []
    for record in project.folder.state.images:
        try:
            image = project.read(record)
        except UserError as error:  # it is not where it was
            print(error)
            continue
        mask = napari_unet.predict(image, model).result()
        rows += count_mask(to_painted(mask), project.classes, image.geometry, record.name)
    write_counts(given.output / "counts.csv", rows, COLUMNS, overwrite=True)
    print(f"{len(rows)} rows in {given.output / 'counts.csv'}")


if __name__ == "__main__":
    main()
