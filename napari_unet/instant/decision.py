"""Which of several networks is shown, and the words that say so: one object, so that they never part."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from ..learning.strokes import HELD_OUT
from ..learning.validation import SETTLE_STEPS, ModelChoice, Score
from ..predicting.network_model import NetworkModel
from .features import FeatureStore
from .held_out_evaluation import DICE_TOLERANCE, MIN_HELD_OUT, HeldOutResult
from .pixel_heads import Kind

FARTHER = 2.0
"""So many times the clear margin a network must be better than one that stayed nearer to the first, to be shown in its
place. On real sets a smaller difference between the network as trained and the mean was none, or pointed the wrong way:
of several candidates the best on a few strokes is best by chance, and the farther one has more to lose."""

CEILING = 0.95
"""A mean held-out Dice above which held-out strokes find nothing to mend. What is then learnt is to be surer of what
was right, which has cost 0.05 of true Dice where both networks had a held-out Dice of 1."""


@dataclasses.dataclass(frozen=True, eq=False)
class Candidate:
    """A network that may be shown, with a head of one kind.

    Parameters
    ----------
    store : FeatureStore
        Its features of what is painted.
    head : str
        How far its head is fitted.
    step : int
        Training steps behind it.
    done : int
        Those of them in this training.
    trust : float
        How far it went from the network as it came to the network as trained, 0 to 1; 0 for the former.
    """

    store: FeatureStore
    head: Kind
    step: int
    done: int = 0
    trust: float = 0.0

    @property
    def trained(self) -> bool:
        """Whether it learnt here."""
        return self.trust > 0

    @property
    def way(self) -> str:
        """What is added to its name where it is not followed the whole way."""
        return f", {self.trust:.0%} of the way there" if 0 < self.trust < 1 else ""

    @property
    def name(self) -> str:
        """What people call it."""
        if self.trained:
            return f"the network after {self.step} steps{self.way}"
        return f"the network it began as (step {self.step})" if self.step else "the instant answer"


@dataclasses.dataclass(frozen=True, eq=False)
class Decision:
    """Which candidate is shown and why.

    Parameters
    ----------
    candidate : Candidate
    reason : str
        Which one it is and why, for people.
    score : dict of int to float or None
        Its Dice on held-out strokes by class id.
    settled : bool
        Nothing more has to be found out, see :class:`ModelChoice`.
    model : NetworkModel, optional
        The candidate with a head fitted to all strokes, once there is one.
    before : float or None
        Mean Dice of what the training began with on the same strokes.
    """

    candidate: Candidate
    reason: str = ""
    score: Score = dataclasses.field(default_factory=dict)
    settled: bool = False
    model: NetworkModel | None = None
    before: float | None = None

    def as_choice(self) -> ModelChoice:
        """Return what the training hands on: the model and the words about it."""
        return ModelChoice(dict(self.score), self.model, self.reason, self.settled, self.before)

    def kept_because(self, error: object) -> Decision:
        """Return the decision to go on showing the same model, because something went wrong."""
        sentence = str(error)
        return dataclasses.replace(
            self, reason=f"still showing {self.candidate.name}. {sentence}", score={}, settled=False,
            before=None)


def decide(
    first: Candidate, best: Candidate, newest: Sequence[Candidate], found: Mapping[Candidate, HeldOutResult],
    wavers: bool = False, release: bool = False,
) -> Decision:
    """Decide which candidate is shown, and say why.

    Parameters
    ----------
    first : Candidate
        What the training began with.
    best : Candidate
        What is shown now.
    newest : sequence of Candidate
        The network as it is now, in all ways in which it may be shown.
    found : mapping of Candidate to HeldOutResult
        Of all of these.
    wavers : bool
        Whether the newest do not say the same where nobody painted, see :mod:`.unpainted_ground`.
    release : bool
        Whether held-out strokes may be learnt from once one of the newest has won.
    """
    # a training that wavers takes back what it brought: earlier networks went the same way, only not as far
    chosen = first if wavers else select(first, best, newest, found)
    settled = release and chosen in newest
    return Decision(chosen, _reason(first, chosen, newest, found, wavers), found[chosen].dice, settled,
                    before=found[first].mean)


def select(
    first: Candidate, best: Candidate, newest: Sequence[Candidate], found: Mapping[Candidate, HeldOutResult]
) -> Candidate:
    """Return the best so far, unless the first has caught up or one of the newest is clearly better.

    Only the step from the first may cost a little Dice: many small losses, one after the other, are a large one. It is
    not made where the first does not err on held-out strokes.
    """
    if found[first].beats(found[best], 0.0):
        best = first
    if not best.trained and _at_ceiling(found[best]):
        return best
    margin, alike = (0.0, 0.0) if best.trained else (found[best].margin, DICE_TOLERANCE)
    chosen = best
    better = [one for one in newest if found[one].beats(found[best], margin, alike)]
    for trust in sorted({one.trust for one in better}):
        mine = min((one for one in better if one.trust == trust), key=lambda one: found[one].loss or 0.0)
        if chosen is best or found[mine].beats(found[chosen], FARTHER * found[chosen].margin):
            chosen = mine
    return chosen


def _at_ceiling(result: HeldOutResult) -> bool:
    return result.mean is not None and result.mean > CEILING


def _reason(
    first: Candidate, chosen: Candidate, newest: Sequence[Candidate], found: Mapping[Candidate, HeldOutResult],
    wavers: bool,
) -> str:
    """Say in a few words which network is shown and why."""
    mine = found[chosen].mean
    if mine is None:
        return (f"showing {chosen.name}: judging the trained network takes {MIN_HELD_OUT * HELD_OUT} separate strokes "
                f"of each of two classes, and {SETTLE_STEPS} steps after them")
    if chosen in newest:
        return f"showing the network as trained{chosen.way}: held-out Dice {mine:.2f}"
    shown = f"showing {chosen.name}: held-out Dice {mine:.2f}"
    if wavers:
        return f"{shown}; as trained now the network is unsteady far from your strokes: paint some there"
    if chosen is first and _at_ceiling(found[first]):
        return f"{shown} leaves nothing to judge the trained network by: paint where the answer is wrong"
    other = max(found[one].mean or 0.0 for one in newest)
    return f"{shown}, as trained now {other:.2f}, not clearly better"
