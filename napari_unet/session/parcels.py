"""What goes from one process of ours to another: messages in which big things are sent once. Reads and writes no files.

Tensors, strokes, images and models are known by identity in this program: what was made from one another shares its
parts, and that is how one tells that nothing has to be computed anew. So each of them has a number on the way, is sent
when it is first mentioned, and is the same object on the other side whenever it is mentioned again. It is let go there
when it is gone here. Pixels of images are not sent: the other side asks for the parts that it needs.

The format is pickle, which runs what it is told to: it is used between a process and the one that it has started
itself, and for nothing else.
"""

from __future__ import annotations

import dataclasses
import io
import pickle
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from ..core.errors import UserError
from ..core.image import Image
from ..core.painted_plane import PaintedPlane
from ..core.scribbles import Scribbles
from ..core.window_stack import WindowedPixels, windows_of
from ..predicting.network_model import NetworkModel
from ..pretrained import load_features

ARRAY_FACTS = ("is_far", "by_sample")
"""What arrays say of themselves, besides shape and type, that decides how they are read."""

PixelSource = Callable[[Any, tuple[int, ...], Any], Any]
"""Gets number, shape and type of the pixels of an image that has come, and returns an array that reads them."""


@dataclasses.dataclass(frozen=True)
class _Back:
    """The number of a thing that goes back to where it came from."""

    number: int


class Parcels:
    """One end of the way: makes messages of objects, and objects of messages, in the order in which they are sent.

    Parameters
    ----------
    pixels : callable, optional
        See :data:`PixelSource`; where images come.
    """

    def __init__(self, pixels: PixelSource | None = None) -> None:
        self._pixels = pixels
        self._numbers: dict[int, tuple[weakref.ref[Any], Any]] = {}  # of what was sent, by identity
        self._last = 0
        self._gone: deque[Any] = deque()
        self._come: dict[Any, Any] = {}
        self._sent: dict[Any, weakref.ref[Any]] = {}

    def share(self, things: Mapping[str, Any]) -> None:
        """Note what the other side has under the same names, for ever."""
        for name, thing in things.items():
            self._numbers[id(thing)] = weakref.ref(thing), name
            self._come[name] = thing

    def image(self, number: Any) -> Image | None:
        """Return the image that was sent under a number, None if it is gone."""
        found = self._sent.get(number)
        return None if found is None else found()

    # -- out -------------------------------------------------------------------------------------------------------

    def pack(self, thing: Any) -> list[Any]:
        """Return a message as parts of bytes, the first of which tells about the others."""
        gone = [self._gone.popleft() for _ in range(len(self._gone))]
        waiting: deque[tuple[Any, Any]] = deque()
        buffers: list[pickle.PickleBuffer] = []
        body = self._dumped(thing, waiting, buffers)
        fresh = []
        while waiting:
            number, shared = waiting.popleft()
            first = len(buffers)
            fresh.append((number, self._dumped(self._contents(number, shared), waiting, buffers), first))
        return [pickle.dumps((gone, fresh, body), 5), *(one.raw() for one in buffers)]

    def _dumped(self, thing: Any, waiting: deque[tuple[Any, Any]], buffers: list[pickle.PickleBuffer]) -> bytes:
        file = io.BytesIO()
        _Pickler(file, lambda one: self._number_of(one, waiting), buffers).dump(thing)
        return file.getvalue()

    def _number_of(self, thing: Any, waiting: deque[tuple[Any, Any]]) -> Any:
        """Return the number of what is sent once, None for anything else."""
        if not _is_shared(thing):
            return None
        key = id(thing)
        known = self._numbers.get(key)
        if known is not None and known[0]() is thing:
            return known[1]
        self._last = number = self._last + 1

        def forget(reference: Any) -> None:
            self._gone.append(number)
            self._sent.pop(number, None)
            if self._numbers.get(key, (None,))[0] is reference:
                del self._numbers[key]

        self._sent[number] = reference = weakref.ref(thing, forget)
        self._numbers[key] = reference, number
        waiting.append((number, thing))
        return number

    def _contents(self, number: Any, thing: Any) -> tuple[Any, ...]:
        if isinstance(thing, np.ndarray):
            return "block", thing.view()  # itself would be sent as its number
        if isinstance(thing, PaintedPlane):
            return "plane", thing.shape, dict(thing.blocks)
        if isinstance(thing, Image):
            rest = {name: value for name, value in vars(thing).items() if name not in ("data", "_filled")}
            windows = windows_of(thing)
            if windows is not None:
                return "windows", windows.whole, windows.name, rest
            facts = {name: getattr(thing.data, name) for name in ARRAY_FACTS if hasattr(thing.data, name)}
            return "image", number, tuple(map(int, thing.data.shape)), np.dtype(thing.data.dtype).str, facts, rest
        if isinstance(thing, torch.Tensor):
            return "tensor", thing.detach().cpu().numpy()
        return "object", type(thing), dict(vars(thing))

    # -- in --------------------------------------------------------------------------------------------------------

    def unpack(self, parts: list[Any]) -> Any:
        """Return what a message says."""
        gone, fresh, body = pickle.loads(parts[0])
        for number in gone:
            self._come.pop(number, None)
        waiting = {number: (blob, first) for number, blob, first in fresh}

        def find(number: Any) -> Any:
            if isinstance(number, _Back):
                return self._sent[number.number]()
            if number in waiting:
                blob, first = waiting.pop(number)
                self._come[number] = made = self._made(_loaded(blob, find, parts[1 + first:]))
                if isinstance(made, torch.Tensor):
                    self._note_origin(number, made)
            return self._come[number]

        for number, _, _ in fresh:
            find(number)
        return _loaded(body, find, parts[1:])

    def _note_origin(self, number: int, thing: Any) -> None:
        """Remember that a thing has come, so that on its way back it is what it was; its sender keeps it meanwhile."""
        key = id(thing)

        def forget(reference: Any) -> None:
            if self._numbers.get(key, (None,))[0] is reference:
                del self._numbers[key]

        self._numbers[key] = weakref.ref(thing, forget), _Back(number)

    def _made(self, contents: tuple[Any, ...]) -> Any:
        kind, *rest = contents
        if kind == "block":
            block = np.array(rest[0])
            block.flags.writeable = False
            return block
        if kind == "plane":
            return PaintedPlane(rest[0], blocks=MappingProxyType(rest[1]))
        if kind == "tensor":
            return torch.from_numpy(rest[0])
        if kind == "windows":
            return Image(WindowedPixels(rest[0], rest[1]), **rest[2])
        if kind == "image":
            number, shape, dtype, facts, others = rest
            assert self._pixels is not None, "images go one way only"
            pixels = self._pixels(number, shape, np.dtype(dtype))
            for name, value in facts.items():
                setattr(pixels, name, value)
            return Image(pixels, **others)
        made = object.__new__(rest[0])
        made.__dict__.update(rest[1])
        return made


def features_on_both_sides() -> dict[str, torch.Tensor]:
    """Return the tensors of the features that ship, by names that hold in every process of this program."""
    try:
        weights = load_features()
    except UserError:  # said by whoever needs them
        return {}
    return {f"features {name}": tensor for name, tensor in weights.tensors.items()}


def _is_shared(thing: Any) -> bool:
    """Whether a thing is sent once: what is large, does not change, and is known by identity."""
    if isinstance(thing, np.ndarray):
        return thing.base is None and not thing.flags.writeable
    return isinstance(thing, Image | NetworkModel | PaintedPlane | Scribbles | torch.Tensor)


def _frozen(mapping: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    """Make again what pickle has no name for."""
    return MappingProxyType(mapping)


class _Pickler(pickle.Pickler):
    dispatch_table = {MappingProxyType: lambda one: (_frozen, (dict(one),))}  # noqa: RUF012  as pickle wants it

    def __init__(
        self, file: io.BytesIO, number_of: Callable[[Any], Any], buffers: list[pickle.PickleBuffer]
    ) -> None:
        super().__init__(file, 5, buffer_callback=buffers.append)
        self._number_of = number_of

    def persistent_id(self, thing: Any) -> Any:
        return self._number_of(thing)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, find: Callable[[Any], Any], buffers: list[Any]) -> None:
        super().__init__(file, buffers=buffers)
        self._find = find

    def persistent_load(self, number: Any) -> Any:
        return self._find(number)


def _loaded(blob: bytes, find: Callable[[Any], Any], buffers: list[Any]) -> Any:
    return _Unpickler(io.BytesIO(blob), find, buffers).load()
