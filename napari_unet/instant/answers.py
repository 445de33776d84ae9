"""The answer to strokes while they are painted: a head on the newest features, fitted anew to every stroke.

Belongs to one thread, the predictor's, because the features it keeps do. Trains no network.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Generator

from ..core.depth import Depth
from ..core.errors import UserError, WorkError
from ..core.floor import BRUSH
from ..core.image import Image
from ..core.latest import Latest
from ..core.method import Model, Progress, View
from ..core.scribbles import TrainingSet
from ..learning.border_lesson import BorderLesson
from ..predicting.devices import choose_device
from ..predicting.network_model import NetworkModel
from ..predicting.weights import Weights
from .border_answers import BorderAnswers, same_answer
from .coarse_answers import CoarseAnswers
from .features import FeatureStore, same_features, with_usual_range
from .instant_model import InstantModel, fit_instantly, head_kind, is_whole
from .pixel_heads import Kind
from .viewing_depth import settled_depth
from .volume_model import looks_beyond

REST = 0.15
"""Seconds after an answer before a better one is worked on: the window paints the first one meanwhile, and while
somebody draws a line the next one is due."""

MEMORY = 2**31
"""Bytes of features that are kept: of ten grey planes of 1000 x 1000 pixels, or of three in colour."""


AHEAD = 6
"""Tiles of the plane looked at, those in view first, whose features are computed before anything is painted."""

AHEAD_ALONG = 2**28
"""Bytes of features of cuts through a volume that are computed before, at most: of 1.3 million voxels."""


class InstantAnswers:
    """Puts an answer to the newest strokes over the newest model.

    Parameters
    ----------
    painted : Latest of TrainingSet
        Where newer strokes appear.
    features : callable
        Returns the features to begin with, while there is no model; may raise :class:`UserError`.
    device : str
        See :func:`napari_unet.predicting.devices.choose_device`.
    memory : int
        Bytes of features that are kept; those of cuts through volumes may take as many beside.
    volume : Latest of str or None, optional
        Where it appears how far beyond their plane pixels are looked at, see :func:`.instant_model.fit_instantly`.
    borders : Latest of BorderLesson or None, optional
        Where it appears what is known of borders between objects: every answer tells those, too.
    """

    def __init__(
        self, painted: Latest[TrainingSet], features: Callable[[], Weights], device: str = "auto",
        memory: int = MEMORY, volume: Latest[Depth | None] | None = None,
        borders: Latest[BorderLesson | None] | None = None,
    ) -> None:
        self._painted, self._features, self._device, self._memory = painted, features, device, memory
        self._volume: Latest[Depth | None] = volume or Latest(None)
        self._depth: Depth | None = None
        self._borders = BorderAnswers(borders)
        self._ahead: tuple[FeatureStore, Image, Generator[None, None, None]] | None = None
        self._store: FeatureStore | None = None
        self._base: Weights | None = None
        self._training: weakref.ref[TrainingSet] | None = None  # weak: closed images go with their features
        self._fit: Generator[Progress, None, InstantModel] | None = None
        self._answer: InstantModel | None = None
        self._answered: weakref.ref[TrainingSet] | None = None  # the strokes that the answer was fitted to
        self._head: Kind = "trees"
        self._rested: float | None = None  # when its rest is over; None: no answer yet to the newest strokes
        self._refused: tuple[weakref.ref[TrainingSet], Model | None] | None = None

    def from_afar(self) -> CoarseAnswers:
        """Return what answers a view of many tiles at the resolution that is seen, before this does."""
        return CoarseAnswers(self._painted, lambda reduced: InstantAnswers(
            reduced, self._features, self._device, self._memory // 8, self._volume))

    @property
    def busy(self) -> bool:
        """Whether there is no answer yet to the newest strokes, but soon: ask again at once."""
        return self._fit is not None and self._rested is None

    @property
    def newest(self) -> tuple[InstantModel, TrainingSet, bool] | None:
        """The answer, what it was fitted to, and whether no better one is worked on; None where there is none."""
        training = None if self._answered is None else self._answered()
        return None if self._answer is None or training is None else (self._answer, training, self._fit is None)

    @property
    def unfinished(self) -> bool:
        """Whether an answer, or a better one, is being worked on."""
        return self._fit is not None

    @property
    def resting(self) -> bool:
        """Whether the work on a better answer waits until the one before has been painted, and a stroke is done."""
        return self._rested is not None and (time.monotonic() < self._rested or BRUSH.taken)

    def over(self, model: Model | None) -> Model | None:
        """Return the model to show, and work a little on the next one.

        Parameters
        ----------
        model : Model, optional
            The newest trained or loaded one.

        Returns
        -------
        Model or None
            The answer to the newest strokes, on the model's features if strokes may fit its last layer anew
            (:attr:`NetworkModel.refits`), or on the features to begin with if there is no model. Any other model as
            it is. The answer before, as long as strokes are too few or the next one is not there.

        Raises
        ------
        UserError
            If features or strokes cannot be used; once for the same strokes and the same model.
        """
        if model is not None and not (isinstance(model, NetworkModel) and model.refits):
            self._store = self._training = self._fit = self._answer = None
            self._borders.forget()
            return model
        training = self._painted.get()
        if not self._is_refused(training, model):
            self._take_up(training, model)
            if self._fit is not None and not self.resting:
                self._work(self._fit)
        return self._answer or model

    def look_ahead(self, image: Image, plane: int, view: View | None, planes: tuple[int, ...] = ()) -> bool:
        """Compute a few features of what is looked at, before anything is painted; say whether there were any left.

        Tiles of the plane come first (of an image in windows, those of the ``planes`` in view), then the cuts through
        a small volume. So the first answers need not wait for them. Nothing is done once there is something to answer,
        or where the image is not one of those to learn from.
        """
        training = self._painted.get()
        if training.missing() is None or all(pair.image is not image for pair in training.pairs):
            return False
        if not self._serves(None) or not self._knows(training, image):
            self._begin(None, training, image)
        assert self._store is not None
        seen: Latest[View | None] = Latest(view)
        for done, (at, number, _) in enumerate(self._store.ordered(image, planes[:AHEAD] or (plane,), seen)):
            if done == AHEAD:
                break
            if not self._store.holds(image, at, number):
                self._store.tile(image, at, number)
                return True
        return self._look_along(self._store, image, plane)

    def _look_along(self, store: FeatureStore, image: Image, plane: int) -> bool:
        """Go on looking at the cuts through a small volume; say whether there was something left."""
        if store.cuts.bytes_of(image) > AHEAD_ALONG or store.cuts.holds(image, plane):
            return False
        if self._ahead is None or self._ahead[:2] != (store, image):
            if settled_depth([image], store, self._volume.get()) != "three cuts":
                return False
            self._ahead = (store, image, store.look_along_depth(image, plane))
        left = next(self._ahead[2], self) is not self
        self._ahead = self._ahead if left else None
        return left

    def _take_up(self, training: TrainingSet, model: NetworkModel | None) -> None:
        """Begin a new fit if strokes, features or the kind of head have changed."""
        head, depth = self._head_over(model)
        same = self._is_known(training) and self._serves(model) and (head, depth) == (self._head, self._depth)
        if training.missing() is not None:
            return
        if same:
            self._take_up_borders(training)
            return
        self._training, self._head, self._depth = weakref.ref(training), head, depth
        self._ahead = None  # what was done is kept
        if not self._serves(model) or (model is None and not self._knows(training)):
            try:
                self._begin(model, training)
            except UserError:
                self._refused, self._fit = (self._training, model), None
                raise
        assert self._store is not None
        fit = fit_instantly(self._store, training, head=head, volume=depth)
        self._fit, self._rested = self._borders.told(self._store, fit, training), None

    def _head_over(self, model: NetworkModel | None) -> tuple[Kind, Depth | None]:
        """Return what kind of head an answer has over a model, and how far it looks beyond planes."""
        begun = None if model is None else model.weights
        if begun is None or (begun.step == 0 and not is_whole(begun)):  # nothing, or a first answer to go on from
            return "trees", self._volume.get()
        # features that have learnt change again and again: too often to look along z with them
        return head_kind(begun), self._volume.get() if looks_beyond(begun) else "plane"

    def _take_up_borders(self, training: TrainingSet) -> None:
        """Look for borders anew if other ones are known; the answer itself stays."""
        if self._borders.has_news and self._fit is None and self._answer is not None and self._store is not None:
            self._fit = self._borders.told(self._store, same_answer(self._answer), training)
            self._rested = time.monotonic()

    def _serves(self, model: Model | None) -> bool:
        """Whether the features kept are those of a model."""
        if self._store is None:
            return False
        if isinstance(model, NetworkModel):
            return same_features(self._store.weights, model.weights)
        return self._base is self._features()

    def _knows(self, training: TrainingSet, ahead: Image | None = None) -> bool:
        """Whether the features to begin with are those that these images have."""
        if self._store is None or self._base is None:
            return False
        now = with_usual_range(self._base, training, ahead).normalisation
        return now == self._store.weights.normalisation

    def _is_known(self, training: TrainingSet) -> bool:
        return self._training is not None and self._training() is training

    def _is_refused(self, training: TrainingSet, model: Model | None) -> bool:
        return self._refused is not None and self._refused[0]() is training and self._refused[1] is model

    def _begin(self, model: Model | None, training: TrainingSet, ahead: Image | None = None) -> None:
        """Start with the features of a model, or with those to begin with, for these images."""
        if isinstance(model, NetworkModel):
            self._base = weights = model.weights
        else:
            self._base = self._features()
            weights = with_usual_range(self._base, training, ahead)
        try:
            device = choose_device(self._device)
        except UserError:  # the training that asked for it says that it is not there
            device = choose_device("auto")
        eye = None if self._store is None else self._store.eye
        self._store = FeatureStore(weights, device, self._memory, eye)

    def _work(self, fit: Generator[Progress, None, InstantModel]) -> None:
        try:
            model = next(fit).model
            if isinstance(model, InstantModel):
                self._answer, self._answered, self._rested = model, self._training, time.monotonic() + REST
        except StopIteration as end:
            self._answer, self._answered, self._fit = end.value, self._training, None
        except (UserError, WorkError) as error:
            self._fit = None
            raise UserError(str(error)) from error
