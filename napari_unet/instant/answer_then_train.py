"""An answer at once, and a network that learns behind it: one generator from pre-trained features to the best model."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator

from ..core.depth import Depth
from ..core.errors import UserError, WorkError
from ..core.latest import Latest
from ..core.method import Progress, newest_training_set
from ..core.scribbles import TrainingSet
from ..core.work import relayed
from ..learning.learner import Loss
from ..learning.trainer import WAIT_SECONDS, train_network
from ..learning.training_plan import TrainingPlan
from ..predicting.devices import choose_device
from ..predicting.network_model import NetworkModel
from ..predicting.oblivious_trees import feature_tensors, without_trees
from ..predicting.weights import Weights
from .candidate_selection import MEMORY, CandidateSelection
from .eye_features import eye_kernel, has_eye
from .features import FeatureStore, with_usual_range
from .instant_model import InstantModel, fit_instantly, head_kind, is_whole
from .pixel_heads import Kind
from .volume_model import looks_beyond

CUT_MEMORY = 2**31
"""Bytes of features of cuts through volumes that are kept, once for all networks."""

LIVE_SECONDS = 5.0
"""Training time between two models while strokes arrive; each costs a look at everything painted."""


def answer_then_train(
    source: TrainingSet | Latest[TrainingSet], features: Weights, loss: Loss, plan: TrainingPlan,
    volume: Depth | None = None, answered: Weights | None = None,
) -> Generator[Progress, None, NetworkModel]:
    """Answer from features at once, then train on; what has learnt is shown where held-out strokes are clearly for it.

    Parameters
    ----------
    source : TrainingSet or Latest of TrainingSet
    features : Weights
        Pre-trained, see :mod:`napari_unet.pretrained`.
    loss : callable
        See :mod:`napari_unet.losses`.
    plan : TrainingPlan
        Strokes are held out to compare networks unless it says no; a head is fitted to all of them in the end. Where
        it leaves that open, none are to come and time is what is limited, a network that has won learns from them too
        for the rest of it.
        Where it says no, the network is returned as trained, its last layer included.
    volume : str, optional
        How far the answer looks beyond planes, see :func:`~.instant_model.fit_instantly`. The network learns from
        planes and looks at planes; it is shown where it is better all the same.
    answered : Weights, optional
        An answer to strokes that is there already, see :func:`is_answer`: it need not be found again, unless an earlier
        version of the program found it.

    Yields
    ------
    Progress
        The first one with a model is the instant answer; then as :func:`napari_unet.learning.trainer.train_network`.

    Returns
    -------
    NetworkModel

    Raises
    ------
    UserError, UsageError, WorkError
        As :func:`~napari_unet.learning.trainer.train_network` and :func:`~.instant_model.fit_instantly`.
    """
    training = yield from wait_for_strokes(source)
    live, release = isinstance(source, Latest), plan.hold_out is None
    answered = _of_today(answered, features)
    if answered is not None:
        features = dataclasses.replace(features, normalisation=answered.normalisation)
    elif features.step == 0:
        features = with_usual_range(features, training)
    store = FeatureStore(features, choose_device(plan.device), MEMORY, cut_limit=CUT_MEMORY)
    if answered is not None:
        begun = answered if is_whole(answered) else _ready_to_learn(answered, store)
        model = NetworkModel(begun, plan.device, refits=True)
    else:
        # what has learnt goes on as it was shown: strokes may have chosen a head without trees
        kind = head_kind(features) if features.step else "trees"
        answer = yield from _answer(store, training, plan.seed, kind, volume)
        model = dataclasses.replace(answer.as_network(plan.device), refits=True)
    yield Progress("Answered at once; now the network learns", model=model)
    plan = dataclasses.replace(
        plan,
        publish_seconds=plan.publish_seconds or (LIVE_SECONDS if live else None),
        hold_out=True if plan.hold_out is None else plan.hold_out,
    )
    begun = model.weights
    if not plan.hold_out:
        return (yield from train_network(source, begun.network, loss, plan, network_name=begun.network_name,
                                         initial=begun))
    selection = CandidateSelection(store, model, plan.seed, release, live)
    best = yield from train_network(
        source, begun.network, loss, plan, network_name=begun.network_name, initial=begun, selector=selection)
    training = newest_training_set(source)
    if selection.answered is training:
        return best
    last = FeatureStore(best.weights, choose_device(best.device), MEMORY, store.eye, cut_limit=CUT_MEMORY)
    try:  # strokes came in the meantime, or the selection looked at some planes only
        volume = volume if looks_beyond(best.weights) else "plane"
        answer = yield from _answer(last, training, plan.seed, head_kind(best.weights), volume)
    except UserError:  # the strokes were erased, or changed to some that cannot be learnt from
        return best
    return dataclasses.replace(answer.as_network(best.device), refits=True)


def is_answer(weights: Weights, features: Weights | None) -> bool:
    """Whether weights are an answer to strokes, and nothing has been trained yet.

    A whole one can be told from its trees; a first one, of the linear head alone or without the second eye, from the
    features that it stands on.
    """
    if weights.step:
        return False
    ours = {} if features is None else feature_tensors(features)
    theirs = feature_tensors(weights)
    return is_whole(weights) or (bool(theirs) and all(ours.get(name) is tensor for name, tensor in theirs.items()))


def _of_today(answered: Weights | None, features: Weights) -> Weights | None:
    """Return an answer unless it is of a version that enlarged in another way: networks are compared on features."""
    known = answered is None or not has_eye(answered) or eye_kernel(answered) == eye_kernel(features)
    return answered if known else None


def _ready_to_learn(answer: Weights, store: FeatureStore) -> Weights:
    """Return a first answer as the whole network: what its head has not looked at yet counts for nothing.

    A step of training need not wait for the trees, which do not learn, nor for what the second eye sees of all strokes.
    """
    features = without_trees(store.weights)
    known = answer.tensors["head.weight"]
    head = known.new_zeros((len(known), len(store.prior(answer.channels, depth="plane")), 1, 1))
    head[:, : known.shape[1]] = known
    tensors = {**feature_tensors(features), "head.weight": head, "head.bias": answer.tensors["head.bias"]}
    return dataclasses.replace(features, tensors=tensors, channels=answer.channels, classes=answer.classes,
                               provenance=answer.provenance)


def wait_for_strokes(source: TrainingSet | Latest[TrainingSet]) -> Generator[Progress, None, TrainingSet]:
    """Wait for strokes of two classes and return them, saying every 0.1 s what to paint.

    Raises
    ------
    UserError
        If a plain training set has fewer.
    """
    while (missing := (training := newest_training_set(source)).missing()) is not None:
        if not isinstance(source, Latest):
            raise UserError(missing)
        yield Progress(missing)
        time.sleep(WAIT_SECONDS)
    return training


def _answer(
    store: FeatureStore, training: TrainingSet, seed: int, head: Kind, volume: Depth | None
) -> Generator[Progress, None, InstantModel]:
    """Answer strokes, reporting without models: those belong to this thread."""
    work = fit_instantly(store, training, seed, head, volume)
    try:
        return (yield from relayed(work, lambda _number, event: Progress(event.text)))
    except RuntimeError as error:  # Qt's workers swallow this type
        raise WorkError(f"The first answer failed: {error}") from error
