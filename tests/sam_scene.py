"""A small model that is asked with points, of the interface of segment_anything's export: no weights of anybody's.

The encoder averages squares of 16 pixels into three channels and a constant; the decoder says of every pixel how much
nearer its features are to those of the points inside than to those of the points outside.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

SIDE = 256


def onnx_pair(folder: Path, raw: bool = False) -> Path:
    """Write both graphs; returns the path of the encoder. ``raw``: it takes (rows, columns, 3)."""
    path = folder / "tiny_encoder.onnx"
    path.write_bytes(_encoder(raw))
    (folder / "tiny_decoder.onnx").write_bytes(_decoder())
    return path


def _model(nodes: list[Any], inputs: dict[str, Any], outputs: dict[str, Any], constants: dict[str, Any]) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    def ends(shapes: dict[str, Any]) -> list[Any]:
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]

    made = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", ends(inputs), ends(outputs), made)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content


def _encoder(raw: bool) -> bytes:
    from onnx import helper

    node = helper.make_node
    weights = np.zeros((4, 3, 1, 1), np.float32)
    weights[:3, :, 0, 0] = np.eye(3)
    nodes = [node("AveragePool", ["x"], ["mean"], kernel_shape=[16, 16], strides=[16, 16]),
             node("Conv", ["mean", "weights", "bias"], ["image_embeddings"])]
    constants: dict[str, Any] = {"weights": weights, "bias": np.array([0, 0, 0, 1], np.float32)}
    if raw:  # normalises and pads by itself
        constants |= {"mean_of": np.float32(120), "spread": np.float32(60), "first": np.array([0], np.int64),
                      "no": np.array([0, 0, 0, 0, 0, 0], np.int64), "square": np.array([1, 3, SIDE, SIDE], np.int64)}
        nodes = [node("Sub", ["picture", "mean_of"], ["c"]), node("Div", ["c", "spread"], ["d"]),
                 node("Transpose", ["d"], ["t"], perm=[2, 0, 1]), node("Unsqueeze", ["t", "first"], ["u"]),
                 node("Shape", ["u"], ["size"]), node("Sub", ["square", "size"], ["lack"]),
                 node("Concat", ["zeros", "lack"], ["pads"], axis=0), node("Pad", ["u", "pads"], ["x"]), *nodes]
        constants["zeros"] = np.zeros(4, np.int64)
        return _model(nodes, {"picture": [None, None, 3]}, {"image_embeddings": [1, 4, 16, 16]}, constants)
    return _model(nodes, {"x": [1, 3, SIDE, SIDE]}, {"image_embeddings": [1, 4, 16, 16]}, constants)


def _decoder() -> bytes:
    from onnx import helper

    node = helper.make_node
    nodes = [
        # from 0..SIDE to -1..1, as GridSample wants it
        node("Div", ["point_coords", "half"], ["p0"]), node("Sub", ["p0", "one"], ["p1"]),
        node("Unsqueeze", ["p1", "first"], ["grid"]),
        node("GridSample", ["image_embeddings", "grid"], ["sampled"], align_corners=0, mode="nearest",
             padding_mode="border"),
        node("Squeeze", ["sampled", "second"], ["features"]),  # 1, C, N
        node("Unsqueeze", ["point_labels", "unit"], ["l"]),  # 1, 1, N
        *[step for name, value in (("in", "one"), ("out", "zero")) for step in (
            node("Equal", ["l", value], [f"{name}_b"]), node("Cast", [f"{name}_b"], [f"{name}_m"], to=1),
            node("Mul", ["features", f"{name}_m"], [f"{name}_p"]),
            node("ReduceSum", [f"{name}_p", "last"], [f"{name}_s"], keepdims=1),
            node("ReduceSum", [f"{name}_m", "last"], [f"{name}_n"], keepdims=1),
            node("Max", [f"{name}_n", "one"], [f"{name}_d"]), node("Div", [f"{name}_s", f"{name}_d"], [f"{name}_a"]),
            node("Unsqueeze", [f"{name}_a", "last4"], [f"{name}_u"]),  # 1, C, 1, 1
            node("Sub", ["image_embeddings", f"{name}_u"], [f"{name}_x"]),
            node("Mul", [f"{name}_x", f"{name}_x"], [f"{name}_q"]),
            node("ReduceSum", [f"{name}_q", "unit"], [f"{name}_e"], keepdims=1))],
        node("Sub", ["out_e", "in_e"], ["nearer"]), node("Mul", ["nearer", "ten"], ["low_res_masks"]),
        node("Cast", ["orig_im_size"], ["wanted"], to=7), node("ReduceMax", ["wanted"], ["longer"], keepdims=1),
        node("Concat", ["ones", "longer", "longer"], ["whole"], axis=0),
        node("Resize", ["low_res_masks", "", "", "whole"], ["square"], mode="linear"),
        node("Concat", ["ones", "wanted"], ["to"], axis=0),
        node("Slice", ["square", "zeros4", "to"], ["masks"]),
        node("ReduceMean", ["point_labels"], ["m"], keepdims=1), node("Mul", ["m", "zero"], ["iou_predictions"]),
    ]
    constants = {"half": np.float32(SIDE / 2), "one": np.float32(1), "zero": np.float32(0), "ten": np.float32(10),
                 "first": np.array([1], np.int64), "second": np.array([2], np.int64), "unit": np.array([1], np.int64),
                 "last": np.array([2], np.int64), "last4": np.array([3], np.int64), "ones": np.array([1, 1], np.int64),
                 "zeros4": np.zeros(4, np.int64)}
    inputs = {"image_embeddings": [1, 4, 16, 16], "point_coords": [1, None, 2], "point_labels": [1, None],
              "mask_input": [1, 1, 64, 64], "has_mask_input": [1], "orig_im_size": [2]}
    return _model(nodes, inputs, {"masks": [1, None, None, None], "iou_predictions": [1, 1],
                                  "low_res_masks": [1, 1, None, None]}, constants)
