"""Writes the network as an ONNX file: weights in half precision, computed in single precision."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from network import EPSILON, REACH

OPSET = 20


class Graph:
    """Nodes and weights, put together one by one."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.count = 0

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes):
        """Adds a node; gives the name of its output, or names."""
        self.count += 1
        names = [f"{kind.lower()}_{self.count}" + (f"_{i}" if outputs > 1 else "") for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, value: np.ndarray, name: str) -> str:
        """A constant as it is."""
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def weight(self, value, name: str) -> str:
        """A weight, kept in half precision."""
        half = self.constant(np.asarray(value).astype(np.float16), f"{name}.half")
        self.nodes.append(helper.make_node("Cast", [half], [name], to=TensorProto.FLOAT))
        return name

    def linear(self, x: str, p: dict, name: str) -> str:
        """x W + b."""
        return self.op("Add", self.op("MatMul", x, self.weight(p["w"], f"{name}.w")), self.weight(p["b"], f"{name}.b"))

    def norm(self, x: str, p: dict, name: str) -> str:
        """Layer normalisation."""
        return self.op("LayerNormalization", x, self.weight(p["w"], f"{name}.w"), self.weight(p["b"], f"{name}.b"), epsilon=EPSILON)


def network(params: dict, markers: tuple[int, int], head: int, title: str) -> onnx.ModelProto:
    """The graph: `input_ids` (batch, tokens; all of one length, no padding) in, `logits` (batch, labels) out."""
    g = Graph()
    axis, axes = g.constant(np.array(1, np.int64), "axis"), g.constant(np.array([1], np.int64), "axes")
    start, end = (g.constant(np.array(m, np.int64), n) for m, n in zip(markers, ("start", "end")))
    one = g.constant(np.array(1, np.int32), "one")
    at_start = g.op("Cast", g.op("Equal", "input_ids", start), to=TensorProto.INT32)
    at_end = g.op("Cast", g.op("Equal", "input_ids", end), to=TensorProto.INT32)
    before = g.op("CumSum", g.op("Sub", one, g.op("CumSum", at_start, axis)), axis, reverse=1)
    after = g.op("CumSum", g.op("CumSum", at_end, axis, exclusive=1), axis)
    low, high = g.constant(np.array(-REACH, np.int32), "low"), g.constant(np.array(REACH, np.int32), "high")
    relative = g.op("Add", g.op("Min", g.op("Max", g.op("Sub", after, before), low), high), high)
    # 0, 1, 2, ... along the tokens.
    ones = g.op("Cast", g.op("GreaterOrEqual", "input_ids", g.constant(np.array(0, np.int64), "zero")), to=TensorProto.INT32)
    place = g.op("CumSum", ones, axis, exclusive=1)
    x = g.op("Gather", g.weight(params["word"], "word"), "input_ids")
    x = g.op("Add", x, g.op("Gather", g.weight(params["position"], "position"), place))
    x = g.op("Add", x, g.op("Gather", g.weight(params["relative"], "relative"), relative))
    x = g.norm(x, params["norm"], "norm")
    readout = g.op("Unsqueeze", g.op("Cast", at_start, to=TensorProto.FLOAT), axes)
    heads = g.constant(np.array([0, 0, -1, head], np.int64), "heads")
    joined = g.constant(np.array([0, 0, -1], np.int64), "joined")
    for number, layer in enumerate(params["layers"]):
        name = f"layer{number}"
        rows = g.op("MatMul", readout, x) if number == len(params["layers"]) - 1 else x
        scaled = {k: np.asarray(v) / np.sqrt(head) for k, v in layer["q"].items()}
        q = g.op("Transpose", g.op("Reshape", g.linear(rows, scaled, f"{name}.q"), heads), perm=[0, 2, 1, 3])
        k = g.op("Transpose", g.op("Reshape", g.linear(x, layer["k"], f"{name}.k"), heads), perm=[0, 2, 3, 1])
        v = g.op("Transpose", g.op("Reshape", g.linear(x, layer["v"], f"{name}.v"), heads), perm=[0, 2, 1, 3])
        mixed = g.op("MatMul", g.op("Softmax", g.op("MatMul", q, k), axis=-1), v)
        mixed = g.op("Reshape", g.op("Transpose", mixed, perm=[0, 2, 1, 3]), joined)
        rows = g.norm(g.op("Add", rows, g.linear(mixed, layer["o"], f"{name}.o")), layer["norm1"], f"{name}.norm1")
        inner = g.op("Gelu", g.linear(rows, layer["up"], f"{name}.up"))
        x = g.norm(g.op("Add", rows, g.linear(inner, layer["down"], f"{name}.down")), layer["norm2"], f"{name}.norm2")
    x = g.op("Squeeze", x, axes)
    w, b = g.weight(params["out"]["w"], "out.w"), g.weight(params["out"]["b"], "out.b")
    g.nodes.append(helper.make_node("Add", [g.op("MatMul", x, w), b], ["logits"]))
    labels = np.asarray(params["out"]["b"]).shape[0]
    graph = helper.make_graph(
        g.nodes,
        title,
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", labels])],
        g.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="radlabel", ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model
