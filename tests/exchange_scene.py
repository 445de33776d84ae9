"""Networks and files that leave and come, small enough to be made in a moment."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_unet.core.classes import ClassTable
from napari_unet.core.normalisation import Normalisation
from napari_unet.networks.unet import UNet
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.weights import Network, snapshot

USUAL = Normalisation(usual=((20.0, 180.0),), steps=(1.0,))


def network_model(
    network: Network, channels: int = 1, classes: int = 2, normalisation: Normalisation = USUAL, name: str = "unet"
) -> NetworkModel:
    """A network of random numbers, trees too; its batch norms have seen something."""
    torch.manual_seed(0)
    module: Any = network.build(channels, classes)
    for layer in module.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.3)
            layer.running_var.uniform_(0.5, 2)
    if getattr(network, "trees", 0):
        trees = module.trees
        trees.chosen.random_(0, module.head.in_channels)
        trees.thresholds.normal_(0, 0.5)
        trees.leaves.uniform_(0, 1)
        trees.leaves /= trees.leaves.sum(-1, keepdim=True)
    for name_, tensor in module.state_dict().items():
        if name_.startswith("eye."):
            tensor.normal_(0, 0.1)
    table = ClassTable.named({1: "background", 2: "nucleus", 3: "rim of it"}) if classes == 3 else \
        ClassTable.default(range(1, classes + 1))
    weights = snapshot(module, network, name, channels, table, normalisation)
    return NetworkModel(weights, "cpu", full_precision=True)


def instant_network(**changed: Any) -> UNet:
    """The architecture of an instant answer, narrow."""
    return UNet(**{"depth": 2, "width": 2, "features": 3, "channelwise": True, "halvings": 1, "filters": True,
                   "surroundings": True, "upsampling": "smoothed", "trees": 5, **changed})


def pictures(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Whole grey values of 0 to 255."""
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.float32)


def convolution_file(path: Path, **changed: Any) -> Path:
    """An ONNX file of another program: two classes by a 3x3 mean, of fixed size or free."""
    from onnx import TensorProto, helper, numpy_helper, save

    size = changed.get("size", ("y", "x"))
    channels = changed.get("channels", 1)
    weight = np.zeros((changed.get("outputs", 2), channels, 3, 3), np.float32)
    weight[-1] = 1 / 9
    node = helper.make_node("Conv", ["picture", "weight"], ["scores"], pads=[1, 1, 1, 1])
    graph = helper.make_graph(
        [node], "mean", [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", channels, *size])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", len(weight), *size])],
        [numpy_helper.from_array(weight, "weight")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", changed.get("opset", 17))], ir_version=8)
    save(model, path)
    return path


def other_graph(path: Path, **changed: Any) -> Path:
    """An ONNX file by another maker: ``last`` for channels last, ``size``, ``end`` an operator after the scores,
    ``outputs`` classes, ``more`` further outputs by name and channels, ``kind`` the type of the input."""
    from onnx import TensorProto, helper, numpy_helper, save

    last, size, count = changed.get("last", False), changed.get("size", (None, None)), changed.get("outputs", 2)
    kind = getattr(TensorProto, changed.get("kind", "FLOAT"))

    def placed(channels: int) -> list[Any]:
        return [None, *size, channels] if last else [None, channels, *size]

    weight = np.zeros((count, 1, 1, 1), np.float32)
    weight[-1] = 8
    bias = np.full(count, 0, np.float32)
    bias[-1] = -4
    nodes = [helper.make_node("Cast", ["picture"], ["whole"], to=TensorProto.FLOAT),
             helper.make_node("Mul", ["whole", "scale"], ["plain"])]
    if last:
        nodes.append(helper.make_node("Transpose", ["plain"], ["first"], perm=[0, 3, 1, 2]))
    nodes.append(helper.make_node("Conv", ["first" if last else "plain", "weight", "bias"], ["scores"]))
    made, axis = "scores", 1
    if last:
        nodes.append(helper.make_node("Transpose", [made], ["turned"], perm=[0, 2, 3, 1]))
        made, axis = "turned", 3
    end = changed.get("end", "Identity")
    options = {"Softmax": {"axis": axis}, "ArgMax": {"axis": axis}}.get(end, {})
    nodes.append(helper.make_node(end, [made], ["answer"], **options))
    out = [helper.make_tensor_value_info("answer", TensorProto.INT64 if end == "ArgMax" else TensorProto.FLOAT,
                                         placed(1 if end == "ArgMax" else count))]
    for name, channels in changed.get("more", {}).items():
        nodes.append(helper.make_node("Concat", [made] * (channels // count), [name], axis=axis))
        out.insert(0, helper.make_tensor_value_info(name, TensorProto.FLOAT, placed(channels)))
    scale = np.float32({"UINT8": 1 / 255}.get(changed.get("kind", ""), 1))
    graph = helper.make_graph(
        nodes, "other", [helper.make_tensor_value_info("picture", kind, placed(1))], out,
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(bias, "bias"),
         numpy_helper.from_array(np.asarray(scale), "scale")])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def foreign_package(path: Path, graph: Path, **changed: Any) -> Path:
    """A package of bioimage.io as somebody else may have made it, version 0.5."""
    import yaml

    axes = [{"type": "batch"}, {"type": "channel", "channel_names": ["grey"]},
            {"type": "space", "id": "y", "size": {"min": 32, "step": 16}},
            {"type": "space", "id": "x", "size": {"min": 32, "step": 16}}]
    told: dict[str, Any] = {
        "type": "model", "format_version": "0.5.3", "name": "Their model",
        "inputs": [{"id": "raw", "axes": axes, "preprocessing": [
            {"id": "zero_mean_unit_variance", "kwargs": {"axes": ["channel", "y", "x"]}}]}],
        "outputs": [{"id": "probability", "axes": [
            axes[0], {"type": "channel", "channel_names": ["outside", "inside"]}, *axes[2:]],
            "postprocessing": [{"id": "softmax", "kwargs": {"axis": "channel"}}]}],
        "weights": {"onnx": {"source": "weights.onnx", "opset_version": 17}}, **changed}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("rdf.yaml", yaml.safe_dump(told))
        archive.write(graph, "weights.onnx")
    return path
