"""One annotation session: strokes, classes, trainings and what it says."""

from __future__ import annotations

import numpy as np
import pytest
from session_scene import Constant, Fake, plane, session  # noqa: F401 (fixtures)

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Scribbles
from napari_unet.session.annotation_session import Session
from napari_unet.ui.sessions import session_of


def test_it_says_what_to_do_next() -> None:
    session = Session()
    assert "press + strokes" in session.state.text
    session.put_pair("a", Image(np.zeros((8, 8))))
    assert "Nothing is painted yet" in session.state.text
    session.paint("a", {0: plane(1)})
    assert "Only background is painted" in session.state.text
    session.paint("a", {0: plane(1) + plane(2, label=2)})
    assert session.state.text.startswith("Ready")
    session.enable("a", False)
    assert "Tick at least one image" in session.state.text


def test_paint_is_copied_versioned_and_published_only_when_it_changes(session: Session) -> None:
    drawn = plane(1)
    assert session.paint("a", {1: drawn})
    first = session.version("a")
    assert not session.paint("a", {1: drawn.copy()}), "the same paint is no news"
    drawn[:] = 2
    assert session.pair("a").scribbles.planes[1].max() == 1, "a snapshot does not follow the layer"
    assert session.paint("a", {1: drawn})
    assert session.version("a") > first
    assert session.snapshots.get().pairs[0].scribbles is session.pair("a").scribbles
    assert session.paint("a", {1: np.zeros((8, 8), np.uint8)}), "erasing is a change"
    assert not session.pair("a").scribbles.planes


def test_strokes_of_another_shape_are_refused(session: Session) -> None:
    with pytest.raises(UserError, match="have shape"):
        session.put_pair("b", Image(np.zeros((8, 8))), Scribbles.from_array(np.ones((4, 4), np.uint8)))


def test_painting_a_new_id_adds_a_class(session: Session) -> None:
    heard = []
    session.classes_changed.connect(heard.append)
    session.paint("a", {0: plane(1, label=5)})
    assert session.classes.ids == (1, 2, 5)
    assert heard == [session.classes]
    session.set_classes(ClassTable.default((1, 2)))
    assert session.classes.ids == (1, 2, 5), "a painted id cannot leave the table"


def test_a_training_reads_new_strokes_and_brings_models(session: Session) -> None:
    session.paint("a", {0: plane(1) + plane(2, label=2)})
    run = session.training(Fake())
    session.take(next(run))
    before = session.seen_versions
    session.paint("a", {1: plane(4)})
    session.take(next(run))
    assert session.seen_versions[0] > before[0], "the running training has the stroke"
    assert isinstance(session.model, Constant)
    assert [point.step for point in session.learning_curve] == [1, 2]
    assert session.state.text == "step 2"
    assert session.device == "CPU (fake)"
    run.close()


def test_only_the_newest_training_brings_models(session: Session) -> None:
    old = session.training(Fake())
    next(old)
    new = session.training(Fake())
    next(new)
    next(old)
    assert session.model is None, "the old training is overtaken"
    next(new)
    assert session.model is not None
    session.set_model(None)
    session.end()
    next(new)
    next(new)
    assert session.model is None, "after the end none comes"


def test_a_loaded_model_brings_its_classes(session: Session) -> None:
    named = ClassTable.named({1: "background", 2: "nucleus", 3: "rim"})
    session.set_model(Constant(2, named))
    assert session.classes == named
    session.paint("a", {0: plane(1)})
    session.set_model(Constant(2, ClassTable.named({1: "background", 4: "other"})))
    assert session.classes.ids == (1, 2, 3, 4)


def test_a_viewer_has_one_session_that_goes_with_it() -> None:
    class Owner:
        pass

    owner = Owner()
    assert session_of(owner) is session_of(owner)
    assert session_of(owner) is not session_of(Owner())


def test_without_features_it_says_that_a_network_learns_from_nothing(session: Session) -> None:
    session.paint("a", {0: plane(1) + plane(2, label=2)})
    assert "answered at once" in session.state.text
    session.no_answers()
    assert "press Live" in session.state.text
    assert "no instant answers" in session.state.text


@pytest.mark.parametrize("names", [("background", "nucleus"), ("background", "nucleus", "axon")])
def test_a_removed_class_comes_back_with_its_paint_alone(names: tuple[str, ...]) -> None:
    session = Session()
    session.put_pair("a", Image(np.zeros((8, 8), np.uint8)))
    session.set_classes(ClassTable.named(dict(enumerate(names, 1))))
    painted = np.zeros((8, 8), np.uint8)
    painted[2, :5] = 2
    session.paint("a", {0: painted})
    session.note_removal(2)
    session.paint("a", {0: np.zeros_like(painted)})
    rest = tuple(one for one in session.classes.classes if one.id != 2)
    session.set_classes(ClassTable(rest).including([2]))
    other = np.zeros_like(painted)
    other[7, 7] = 2
    session.paint("a", {0: other})
    assert session.classes.name(2) == "class 2", "new paint is no old class"
    session.paint("a", {0: painted})
    assert session.classes.name(2) == "nucleus"
