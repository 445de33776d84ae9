"""Training while strokes arrive, and going on from trained weights."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from training_scene import LIVE, LOSS, QUICK, Scene, Small, finish, is_step, tick, until

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.latest import Latest
from napari_unet.core.method import assemble
from napari_unet.core.scribbles import TrainingSet
from napari_unet.learning.trainer import train_network


def test_it_says_what_to_paint_and_starts_by_itself():
    scene = Scene()
    box = Latest(scene.training)
    events = train_network(box, Small(), LOSS, LIVE)
    assert next(events).text.startswith("Nothing is painted yet.")
    scene.paint[0] = 1
    box.put(scene.training)
    assert next(events).text.startswith("Only background is painted.")
    scene.start()
    box.put(scene.training)
    assert next(events).text == "Warming up"
    assert until(events, is_step).versions == (scene.version,)
    events.close()


def test_new_strokes_are_in_the_very_next_step():
    scene = Scene().start()
    box = Latest(scene.training)
    events = train_network(box, Small(), LOSS, dataclasses.replace(LIVE, publish_seconds=1000.0))
    assert until(events, is_step).painted == 39
    scene.paint[30, :10] = 1
    box.put(scene.training)
    step = until(events, is_step)
    assert (step.versions, step.painted, step.step) == ((scene.version,), 49, 2)


def test_classes_come_and_go():
    scene = Scene().start()
    box = Latest(scene.training)
    events = train_network(box, Small(), LOSS, LIVE)
    assert until(events, lambda event: event.model).model.classes.ids == (1, 2)
    scene.paint[22, 20:26] = 7
    box.put(scene.training)
    until(events, is_step)
    model = until(events, lambda event: event.model and event.step > 60, 2000).model
    assert model.classes.ids == (1, 2, 7)
    labels = assemble(scene.image, model.segment(scene.image))
    assert (labels[20:26, 20:26] == 7).all()
    assert (labels[6:12, 6:12] == 2).all()
    scene.paint[scene.paint == 2] = 0
    box.put(scene.training)
    until(events, is_step)
    assert until(events, lambda event: event.model).model.classes.ids == (1, 7)


def test_names_and_colours_of_the_newest_table_are_used():
    scene = Scene().start()
    box = Latest(scene.training)
    events = train_network(box, Small(), LOSS, LIVE)
    until(events, is_step)
    box.put(TrainingSet((scene.pair,), ClassTable.named({1: "ground", 2: "nucleus", 3: "later"})))
    until(events, is_step)
    classes = until(events, lambda event: event.model).model.classes
    assert [one.name for one in classes.classes] == ["ground", "nucleus"]


def test_erasing_all_strokes_waits_and_keeps_what_was_learnt():
    scene = Scene().start()
    box = Latest(scene.training)
    events = train_network(box, Small(), LOSS, LIVE)
    before = until(events, lambda event: is_step(event) and event.step == 20)
    scene.paint[:] = 0
    box.put(scene.training)
    assert until(events, lambda event: "painted" in event.text).text.startswith("Nothing is painted yet.")
    box.put(scene.start().training)
    after = until(events, is_step)
    assert after.step in (20, 21)  # the old learner goes on
    assert after.loss < 3 * before.loss + 0.2


def test_images_come_go_and_change():
    one, two = Scene(seed=0).start(), Scene(seed=1).start()
    box = Latest(one.training)
    events = train_network(box, Small(), LOSS, LIVE)
    until(events, is_step)
    for pairs in ((one.pair, two.pair), (two.pair,), (Scene(seed=2).start().pair,)):
        box.put(TrainingSet(pairs))
        step = until(events, lambda event, pairs=pairs: is_step(event) and len(event.versions) == len(pairs))
        assert np.isfinite(step.loss)
    colour = Scene(3).start()
    box.put(colour.training)
    until(events, lambda event: is_step(event) and event.step == 1)  # other channels: from the start
    model = until(events, lambda event: event.model).model
    assert model.weights.channels == 3


@pytest.mark.parametrize("stop", range(1, 9))
def test_closing_works_at_any_event(stop):
    box = Latest(Scene().start().training)
    events = train_network(box, Small(), LOSS, LIVE)
    for _ in range(stop):
        next(events)
    events.close()
    with pytest.raises(StopIteration):
        next(events)


def test_held_out_strokes_give_a_score(monkeypatch):
    tick(monkeypatch)
    scene = Scene().start()
    for row in (2, 15, 17, 30):
        scene.paint[row, :16] = 1
    for row in (5, 10, 12):
        scene.paint[row, 5:12] = 2
    box = Latest(scene.training)
    events = train_network(box, Small(), LOSS, dataclasses.replace(LIVE, publish_seconds=0.05))
    first = until(events, is_step)
    assert first.painted < np.count_nonzero(scene.paint)
    assert first.held_strokes == (2,), "one of each class"
    last = until(events, lambda event: is_step(event) and event.step > 60 and event.model, 2000)
    assert set(last.held_out_dice) == {1, 2}
    assert last.held_out_dice[2] == last.held_out_mean
    assert last.held_out_mean > 0.9


def test_no_score_without_held_out_strokes_in_two_classes():
    scene = Scene().start()
    for row in (2, 15, 17, 30):
        scene.paint[row, :16] = 1
    events = train_network(Latest(scene.training), Small(), LOSS, LIVE)
    until(events, is_step)
    step = until(events, lambda event: event.model)
    assert step.held_out_dice == {1: None, 2: None}
    assert step.held_out_mean is None


def test_continuing_matches_classes_by_id_and_keeps_statistics():
    scene = Scene().start()
    scene.paint[22, 20:26] = 3
    _, model = finish(train_network(scene.training, Small(), LOSS, dataclasses.replace(QUICK, steps=60)))
    scene.paint[scene.paint == 2] = 0
    scene.paint[23, 20:26] = 4
    table = ClassTable.default((1, 3, 4))
    slow = dataclasses.replace(QUICK, learning_rate=1e-6)
    _, more = finish(train_network(TrainingSet((scene.pair,), table), Small(), LOSS, slow, initial=model.weights))
    assert more.classes.ids == (1, 3, 4)
    assert more.weights.step == 66
    old, new = model.weights.tensors, more.weights.tensors
    assert torch.equal(old["body.1.running_mean"], new["body.1.running_mean"])
    assert torch.allclose(old["head.weight"][[0, 2]], new["head.weight"][:2], atol=1e-4)
    assert torch.allclose(old["head.weight"].mean(0), new["head.weight"][2], atol=1e-4)


def test_continuing_does_not_forget_classes_that_are_not_painted_here():
    scene = Scene().start()
    scene.paint[22, 20:26] = 3
    _, model = finish(train_network(scene.training, Small(), LOSS, QUICK))
    scene.paint[scene.paint == 3] = 0
    kept = TrainingSet((scene.pair,), ClassTable.default((1, 2, 3)))
    assert finish(train_network(kept, Small(), LOSS, QUICK, initial=model.weights))[1].classes.ids == (1, 2, 3)
    dropped = TrainingSet((scene.pair,), ClassTable.default((1, 2)))
    assert finish(train_network(dropped, Small(), LOSS, QUICK, initial=model.weights))[1].classes.ids == (1, 2)


def test_continuing_with_other_channels_is_an_error():
    _, model = finish(train_network(Scene().start().training, Small(), LOSS, QUICK))
    with pytest.raises(UserError, match=r"on images with 1 channels, but 'cells' has 3\. Start a new"):
        finish(train_network(Scene(3).start().training, Small(), LOSS, QUICK, initial=model.weights))
