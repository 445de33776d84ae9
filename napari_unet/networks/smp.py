"""Networks of the library segmentation-models-pytorch, by name, where it is installed. Knows no images or training.

The library is looked for when the registry is filled, but loaded only when a network of it is built. Building never
downloads: pre-trained weights come in :meth:`SegmentationModels.begin`, which a training that starts from nothing calls
once, and only if the user asked for them. (J. Long et al., CVPR 2015: a classifier turned fully convolutional.)

The library's last layer is replaced by a 1x1 convolution at the decoder's resolution, so that classes can come and go;
its logits are enlarged bilinearly. Encoders see hundreds of pixels far, and several of the networks average over all
they are given, so that none has a halo.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib.util
from typing import Annotated, Any, Literal

from torch import Tensor, nn
from torch.nn import functional

from napari_unet.core import parameters
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.parameters import Parameter
from napari_unet.core.random_numbers import own_random_numbers

from . import register
from ._layers import Norm, full_precision_head, he_initialise

LIBRARY = "segmentation_models_pytorch"

MEAN, SPREAD = 0.45, 0.225
"""Of photographs with values from 0 to 1, over all channels; what pre-trained encoders expect to be centred."""

Architecture = Literal["unet", "unetplusplus", "manet", "linknet", "fpn", "pspnet", "deeplabv3", "deeplabv3plus", "pan",
                       "upernet", "segformer"]


@dataclasses.dataclass(frozen=True)
class SegmentationModels:
    """Networks of segmentation-models-pytorch, with encoders that may start from a classifier of photographs.

    Larger than the other networks, so that they learn slowly without a graphics card; the whole plane is computed at
    once. Pre-trained weights are downloaded only where they are asked for.

    Raises
    ------
    UsageError
        If a parameter is out of its bounds.
    """

    architecture: Annotated[Architecture, Parameter("How coarse and fine features are brought together")] = "unet"
    encoder: Annotated[str, Parameter("What features are computed by: a name from the library's list of "
                                      "encoders, such as resnet18, efficientnet-b0 or mobilenet_v2")] = "resnet18"
    pretrained: Annotated[bool, Parameter("Start from an encoder that learnt to classify photographs "
                                          "(ImageNet); its weights are downloaded once")] = False

    def __post_init__(self) -> None:
        parameters.check(self)

    @property
    def stride(self) -> int:
        """Pixels of the plane per pixel of the coarsest level; ``pan`` halves a level of 16 px three times more."""
        return 128 if self.architecture == "pan" else 32

    @property
    def halo(self) -> None:
        """None: the whole plane is computed at once."""
        return

    def build(self, channels: int, classes: int) -> nn.Module:
        """Return the module with fresh weights, from torch's global generator; downloads nothing.

        Parameters
        ----------
        channels : int
            Image channels.
        classes : int
            Output channels.

        Raises
        ------
        UsageError
            If the library has no such encoder, or the architecture cannot work with it.
        UserError
            If the library cannot be loaded.
        """
        return SegmentationModelsModule(self._model(channels, None), classes)

    def begin(self, module: nn.Module) -> None:
        """Give a fresh module the pre-trained weights, if they are wanted.

        Raises
        ------
        UsageError
            If there are none for this encoder.
        UserError
            If they cannot be downloaded.
        """
        if not self.pretrained:
            return
        assert isinstance(module, SegmentationModelsModule)
        try:
            with own_random_numbers():
                trained = self._model(module.channels, "imagenet")
        except OSError as error:  # what cannot be reached or written; the hub's errors are of this kind
            raise UserError(
                f"The pre-trained weights of the encoder {self.encoder!r} could not be downloaded ({error}). Check the "
                "connection, or set pretrained to false to learn from nothing."
            ) from error
        module.encoder.load_state_dict(trained.encoder.state_dict())

    def _model(self, channels: int, weights: str | None) -> Any:
        library = _library()
        known = library.encoders.get_encoder_names()
        if self.encoder not in known and not self.encoder.startswith("tu-"):  # tu-: any of the library timm
            near = difflib.get_close_matches(self.encoder, known, 4) or known[:4]
            raise UsageError(
                f"encoder cannot be {self.encoder!r}: segmentation-models-pytorch has none of that name. Allowed: for "
                f"example {', '.join(near)}."
            )
        try:
            model = library.create_model(
                self.architecture, encoder_name=self.encoder, encoder_weights=weights, in_channels=channels, classes=1
            )
        except (KeyError, ValueError, NotImplementedError, AttributeError) as error:
            what = "has no pre-trained weights that fit" if weights else "does not work with the"
            raise UsageError(
                f"The encoder {self.encoder!r} {what} {self.architecture!r} of segmentation-models-pytorch ({error}). "
                "Choose another encoder, such as resnet18."
            ) from error
        model.channels = channels
        return model


class SegmentationModelsModule(nn.Module):
    """Encoder and decoder of the library with a head of ours; (B, channels, Y, X) to logits (B, classes, Y, X)."""

    def __init__(self, model: Any, classes: int) -> None:
        super().__init__()
        self.channels: int = model.channels
        self.encoder = _tolerant(model.encoder)
        self.decoder = _tolerant(model.decoder)
        self.head = nn.Conv2d(model.segmentation_head[0].in_channels, classes, 1)
        he_initialise(self.head)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits; Y and X are multiples of the stride."""
        features = self.decoder(self.encoder((x - MEAN) / SPREAD))
        logits = full_precision_head(self.head, features)
        return functional.interpolate(logits, size=x.shape[-2:], mode="bilinear", align_corners=False)


def _tolerant(module: nn.Module) -> nn.Module:
    """Let the batch norms of a module take a single value per channel, as of a small patch or a mean over a plane."""
    for name, child in module.named_children():
        if type(child) is nn.BatchNorm2d:
            norm = Norm(child.num_features, child.eps, child.momentum, child.affine, child.track_running_stats)
            norm.load_state_dict(child.state_dict())
            setattr(module, name, norm)
        else:
            _tolerant(child)
    return module


def _library() -> Any:
    try:
        return importlib.import_module(LIBRARY)
    except (ImportError, RuntimeError) as error:  # a torchvision that does not fit torch raises a RuntimeError
        raise UserError(
            f"segmentation-models-pytorch is installed but cannot be loaded ({error}). Install it again, with the "
            "torchvision that belongs to the torch that is installed."
        ) from error


if importlib.util.find_spec(LIBRARY) is not None:
    register("smp", "segmentation-models-pytorch")(SegmentationModels)
