"""A network is fitted to the images that are painted on, before it learns. Trains nothing."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, cast

from napari_unet.core.depth import has_depth
from napari_unet.core.latest import Latest
from napari_unet.core.method import Progress
from napari_unet.core.saying import say_once
from napari_unet.core.scribbles import TrainingSet
from napari_unet.instant.answer_then_train import wait_for_strokes
from napari_unet.predicting.devices import choose_device, training_memory
from napari_unet.predicting.slabs import depth_reach
from napari_unet.predicting.weights import Network


def fitted_network(
    network: Any, name: str, device: str, painted: TrainingSet | Latest[TrainingSet]
) -> Generator[Progress, None, Network]:
    """Return the network, planned for the painted images where it can be; says what is odd about these."""
    along_z = depth_reach(network) is not None
    if not along_z and not hasattr(network, "planned_for"):
        return cast(Network, network)
    training = yield from wait_for_strokes(painted)
    images = [pair.image for pair in training.pairs if pair.scribbles.planes]
    for image in images:
        if along_z and not has_depth(image):
            say_once(image.data, f"{image.name!r} has no axis that is known to be z (say what its axes are, e.g. "
                                 f"ZYX): {name!r} learns each of its planes alone.")
    if not hasattr(network, "planned_for"):
        return cast(Network, network)
    plan = network.planned_for(images, training_memory(choose_device(device)))
    for remark in plan.remarks if any(map(has_depth, images)) else ():
        say_once(images[0].data, remark)
    yield Progress(f"Planned: looks at {plan.dimensions}, pieces of {'x'.join(map(str, plan.patch))}")
    return cast(Network, network.fitted_to(plan))
