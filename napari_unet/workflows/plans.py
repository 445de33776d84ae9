"""Which network would be chosen for images, and why. Trains nothing, and reads no pixels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from napari_unet.core import parameters
from napari_unet.core.errors import UsageError
from napari_unet.core.image import Image
from napari_unet.inputs import ArrayLike, as_images
from napari_unet.learning.network_planning import NetworkPlan
from napari_unet.networks import REGISTRY
from napari_unet.predicting.devices import choose_device, training_memory


def plan(
    images: ArrayLike | Sequence[ArrayLike], *, network: str = "planned", axes: str | None = None, device: str = "auto",
    **options: Any,
) -> NetworkPlan:
    """Choose a network for images: pieces, halvings, kernels and channels, each with its reason.

    Parameters
    ----------
    images : array, Image, path or sequence of these
    network : str
        One that is planned from the data: ``"planned"`` or ``"unet3d"``.
    axes : str, optional
        Letters of the images' axes.
    device : str
        Its memory decides how large pieces may be.
    **options
        Parameters of the network.

    Returns
    -------
    NetworkPlan
        Print its ``text``.

    Raises
    ------
    UsageError
        If the network is not planned from data, or has no such parameter.
    UserError
        If the images differ in their channels, or the device is not there.
    """
    return planned_network(network, options, as_images(images, axes), device)


def planned_network(name: str, options: dict[str, Any], images: Iterable[Image], device: str) -> NetworkPlan:
    """Return the plan of a network with these parameters for some images; see :func:`plan`."""
    cls: Any = REGISTRY[name]
    if not hasattr(cls, "planned_for"):
        able = ", ".join(entry.name for entry in REGISTRY if hasattr(entry.item, "planned_for"))
        raise UsageError(f"The network {name!r} is the same for all images. Networks that are planned: {able}.")
    known = {field.name for field in parameters.adjustable(cls)}
    for stray in sorted(set(options) - known):
        raise UsageError(parameters.no_parameter(name, stray, sorted(known)))
    found: NetworkPlan = cls(**options).planned_for(images, training_memory(choose_device(device)))
    return found
