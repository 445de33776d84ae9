"""How long a volume takes to be scored, beside the libraries that can do parts of it; prints a table.

A drawn volume of cells and organelles (two classes besides the background) and a prediction of it with displaced
outlines, lost cells and specks are scored on overlap, boundary, Betti numbers, Rand and variation of information.
Each family is then done again, in the same run and on the same arrays, with what scikit-learn, scikit-image and MONAI
have for it; where the numbers should be the same, the table says by how much they differ.

scikit-image's Rand and variation of information need labels of components; ``skimage.measure.label`` makes them, and
belongs to their time as our labelling belongs to ours.

Run ``python benchmarks/metrics.py``; ``--size 128`` is a quick look. Nothing else heavy should run meanwhile.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.metrics import REGISTRY, ClassComparison, NoValue, Options

Labels = NDArray[np.uint8]
Values = dict[str, float]

FAMILIES = {
    "overlap": ("dice", "iou", "accuracy", "balanced_accuracy", "precision", "recall", "specificity", "matthews"),
    "boundary": ("hausdorff", "hausdorff95", "surface_distance", "surface_dice"),
    "Betti numbers": ("components_error", "tunnels_error", "cavities_error", "euler"),
    "Rand": ("rand_error",),
    "VOI": ("voi_split", "voi_merge"),
}
TOLERANCE = 2.0
GOAL = 15.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256, help="voxels along each axis (default 256)")
    parser.add_argument("--no-others", action="store_true", help="measure ours only")
    arguments = parser.parse_args()

    prediction, reference = draw(arguments.size)
    print(f"{arguments.size}^3 voxels, two classes, {os.cpu_count()} cores\n")
    print(f"{'family':<16}{'ours':>9}{'others':>10}  {'by':<14}{'largest difference':>18}")
    total = 0.0
    for family, names in FAMILIES.items():
        start = time.perf_counter()
        ours = [score(prediction == number, reference == number, names) for number in (2, 3)]
        seconds = time.perf_counter() - start
        total += seconds
        line = f"{family:<16}{seconds:7.2f} s"
        if not arguments.no_others:
            library, function = OTHERS[family]
            start = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of deprecations within the libraries
                theirs = [function(prediction == number, reference == number) for number in (2, 3)]
            line += f"{time.perf_counter() - start:8.2f} s  {library:<14}{difference(ours, theirs):18.1e}"
        print(line, flush=True)
    start, busy = time.perf_counter(), time.process_time()
    for number in (2, 3):
        score(prediction == number, reference == number, tuple(name for names in FAMILIES.values() for name in names))
    together, busy = time.perf_counter() - start, time.process_time() - busy
    print(f"\n{'added up':<16}{total:7.2f} s")
    print(f"{'in one go':<16}{together:7.2f} s  (asked for at 256^3 on two cores: at most {GOAL:.0f} s)")
    print(f"{'processor time':<16}{busy:7.2f} s  (of all cores; what it takes where nothing else runs)")


def draw(size: int) -> tuple[Labels, Labels]:
    """Return a prediction and a reference of cells (2) with organelles (3), painted ids, (size, size, size)."""
    random = np.random.default_rng(0)

    def smooth(sigma: float) -> NDArray[np.float32]:
        noise = ndimage.gaussian_filter(random.standard_normal((size,) * 3, dtype=np.float32), sigma, mode="wrap")
        return noise / noise.std()

    cells, organelles = smooth(6), smooth(2.5)
    reference = np.ones((size,) * 3, np.uint8)
    reference[cells > 0.6] = 2
    reference[(cells > 0.6) & (organelles > 1.0)] = 3
    moved, speckled = cells + 0.25 * smooth(4), organelles + 0.3 * smooth(1.5)
    prediction = np.ones_like(reference)
    prediction[moved > 0.6] = 2
    prediction[(moved > 0.6) & (speckled > 1.0)] = 3
    specks = random.random(reference.shape, dtype=np.float32)
    prediction[specks < 5e-4] = 2
    prediction[specks > 1 - 5e-4] = 1
    return prediction, reference


def score(prediction: NDArray[np.bool_], reference: NDArray[np.bool_], names: tuple[str, ...]) -> Values:
    """Return our values; what several metrics need is computed once, as in scoring."""
    compared = ClassComparison(prediction, reference, options=Options(tolerance=TOLERANCE))
    values = {}
    for name in names:
        value = REGISTRY[name](compared)
        assert not isinstance(value, NoValue), value
        values[name] = float(value)
    return values


def difference(ours: list[Values], theirs: list[Values]) -> float:
    """Return the largest difference between values of the same name, relative to values above 1."""
    return max(
        abs(one[name] - other[name]) / max(1.0, abs(other[name]))
        for one, other in zip(ours, theirs, strict=True) for name in other
    )


# -- the same by others -----------------------------------------------------------------------------------------------


def scikit_learn(prediction: NDArray[np.bool_], reference: NDArray[np.bool_]) -> Values:
    """Overlap; scikit-learn's confusion matrix once, then its formulas where they take a matrix, else by name."""
    from sklearn import metrics

    true, test = reference.ravel(), prediction.ravel()
    (tn, fp), (fn, tp) = metrics.confusion_matrix(true, test).tolist()
    return {"dice": 2 * tp / (2 * tp + fp + fn), "iou": tp / (tp + fp + fn),
            "accuracy": metrics.accuracy_score(true, test), "precision": tp / (tp + fp), "recall": tp / (tp + fn),
            "specificity": tn / (tn + fp), "matthews": metrics.matthews_corrcoef(true, test)}


def monai(prediction: NDArray[np.bool_], reference: NDArray[np.bool_]) -> Values:
    """Boundary; each of MONAI's functions measures its distances anew."""
    import torch
    from monai import metrics

    pair = [torch.from_numpy(mask[None, None].astype(np.float32)) for mask in (prediction, reference)]
    options = {"include_background": True}
    return {
        "hausdorff": float(metrics.compute_hausdorff_distance(*pair, **options)),
        "surface_distance": float(metrics.compute_average_surface_distance(*pair, symmetric=True, **options)),
        "surface_dice": float(metrics.compute_surface_dice(*pair, [TOLERANCE], **options)),
    }


def scikit_image_betti(prediction: NDArray[np.bool_], reference: NDArray[np.bool_]) -> Values:
    """Betti numbers from scikit-image's labels and Euler number."""
    from skimage.measure import euler_number, label

    found = []
    for mask in (prediction, reference):
        b0 = label(mask, connectivity=3, return_num=True)[1]
        b2 = label(np.pad(~mask, 1, constant_values=True), connectivity=1, return_num=True)[1] - 1
        euler = int(euler_number(mask, connectivity=3))
        found.append((b0, b0 + b2 - euler, b2, euler))
    (b0, b1, b2, euler), (true0, true1, true2, _) = found
    return {"components_error": abs(b0 - true0), "tunnels_error": abs(b1 - true1), "cavities_error": abs(b2 - true2),
            "euler": euler}


def scikit_image_rand(prediction: NDArray[np.bool_], reference: NDArray[np.bool_]) -> Values:
    """Adapted Rand error of scikit-image's labels."""
    from skimage.measure import label
    from skimage.metrics import adapted_rand_error

    true, test = (label(mask, connectivity=3) for mask in (reference, prediction))
    return {"rand_error": float(adapted_rand_error(true, test, ignore_labels=(0,))[0])}


def scikit_image_voi(prediction: NDArray[np.bool_], reference: NDArray[np.bool_]) -> Values:
    """Variation of information of scikit-image's labels."""
    from skimage.measure import label
    from skimage.metrics import variation_of_information

    true, test = (label(mask, connectivity=3) for mask in (reference, prediction))
    split, merge = variation_of_information(true, test, ignore_labels=(0,))
    return {"voi_split": float(split), "voi_merge": float(merge)}


OTHERS: dict[str, tuple[str, Callable[[NDArray[np.bool_], NDArray[np.bool_]], Values]]] = {
    "overlap": ("scikit-learn", scikit_learn),
    "boundary": ("MONAI", monai),
    "Betti numbers": ("scikit-image", scikit_image_betti),
    "Rand": ("scikit-image", scikit_image_rand),
    "VOI": ("scikit-image", scikit_image_voi),
}


if __name__ == "__main__":
    main()
