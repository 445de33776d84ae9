"""Does the U-Net beat the classical methods on a sample? One table, one figure, all masks."""

from __future__ import annotations

import argparse
from pathlib import Path

import napari_unet
from napari_unet.report.folder import ComparisonFolder
from napari_unet.report.table import format_text, summarise
from napari_unet.sample_data import load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", default="membranes")
    parser.add_argument("--methods", default="unet,instant,threshold,slic")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--output", type=Path, default=Path("example-output/comparison"))
    given = parser.parse_args()

    sample = load(given.sample)
    comparison = napari_unet.compare(
        sample.pairs[0].image,
        sample.pairs[0].scribbles,
        sample.references[0],
        reference_values="painted",
        methods=given.methods.split(","),
        options={"slic": {"size": 6.0}},  # a parameter that is set is not searched for
        index=sample.planes(0, sample.test),
        classes=sample.classes,
        seconds=given.seconds,
    ).result()
    for method, reason in comparison.failures.items():
        print(f"{method} could not: {reason}")
    print(format_text(summarise(comparison.rows)))
    ComparisonFolder(given.output, overwrite=True).save(comparison)


if __name__ == "__main__":
    main()
