"""A network that looks at volumes, made for the images that it is to learn from. Trains nothing."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, cast

from napari_unet.core.depth import has_depth
from napari_unet.core.latest import Latest
from napari_unet.core.method import Progress
from napari_unet.core.saying import say_once
from napari_unet.core.scribbles import TrainingSet
from napari_unet.core.sight import sees_of
from napari_unet.instant.answer_then_train import wait_for_strokes
from napari_unet.predicting.devices import choose_device, training_memory
from napari_unet.predicting.weights import Network


def fitted_network(
    network: Any, name: str, device: str, painted: TrainingSet | Latest[TrainingSet]
) -> Generator[Progress, None, Network]:
    """Return a network, planned for the painted images where it can be.

    Parameters
    ----------
    network : Network
        One that is planned has ``planned_for(images, memory)``, which returns a plan, and ``fitted_to(plan)``.
    name : str
        In the registry.
    device : str
        Its memory decides how large pieces may be.
    painted : TrainingSet or Latest of TrainingSet
        Waited for where nothing is painted yet, but not for a network of planes.

    Warns
    -----
    InputWarning
        Once per image, if a network of volumes, or one asked to look at them, is to learn from one without depth; and
        of what is odd about voxels.
    """
    if sees_of(network) == "planes":
        return cast(Network, network)
    training = yield from wait_for_strokes(painted)
    images = [pair.image for pair in training.pairs if pair.scribbles.planes]
    asks_for_volumes = sees_of(network) == "volumes" or getattr(network, "dimensions", "") == "volume"
    for image in images:
        if asks_for_volumes and not has_depth(image):
            say_once(image.data, f"{image.name!r} has no axis that is known to be z (say what its axes are, e.g. ZYX): "
                                 f"{name!r} learns each of its planes alone.")
    if not hasattr(network, "planned_for"):
        return cast(Network, network)
    plan = network.planned_for(images, training_memory(choose_device(device)))
    for remark in plan.remarks if any(map(has_depth, images)) else ():
        say_once(images[0].data, remark)
    yield Progress(f"Planned: looks at {plan.dimensions}, pieces of {'x'.join(map(str, plan.patch))}")
    return cast(Network, network.fitted_to(plan))
