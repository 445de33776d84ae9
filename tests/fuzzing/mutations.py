"""Ways to spoil bytes, JSON and values. Every choice comes from the generator that is handed in."""

from __future__ import annotations

import copy
import json
import random
import struct
from typing import Any

NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 2, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63),
    3_000_000_000, 10**308, 10**309, -(10**309), 0.0, -0.0, 0.5, 1e-320, 1e308, -1e308, 99.999,
)
TEXTS: tuple[str, ...] = (
    "", " ", ".", "..", "/", "../..", "/dev/zero", "\0", "a\0b", "\x1b[31mred\x1b[0m", "=1+1", "+1", "-1", "@x", "\t",
    "\r\n", "None", "nan", "inf", "-inf", "1e400", "9" * 309, "9" * 5000, "-" + "9" * 309, "\u202edrow", "細胞", "é",
    "𝔘", "x" * 300, "x" * 5000, "#gggggg", "#12", "red", "%s%n", "{0}", "true", "micrometer", "YX", "YYX", "TCZYX",
    "CYXYX", "?", "0x10", "1_000", "١٢", "1,2", ":", "0:", ":0", "0:3000000000", "-1:5", "5:1", "\ud800", "a\udc80b",
)
VALUES: tuple[Any, ...] = (
    *NUMBERS, *TEXTS, None, True, False, float("nan"), float("inf"), float("-inf"), [], {}, [[]], [None], ["."], [0], 5,
    {"a": 1}, [{}], [[0, 0]], {"path": "."}, {"name": 3}, [1, 2, 3, 4, 5, 6, 7], list(range(300)),
)
_WORDS = (0, 1, 2, 3, 4, 8, 12, 16, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1)


def spoiled_bytes(data: bytes, rng: random.Random) -> bytes:
    """Return bytes with one to six faults: flips, cuts, repeats, blocks of one value, words that are extreme."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        if not out:
            break
        # headers are short and decide most: half of the faults go there
        at = rng.randrange(min(len(out), 600)) if rng.random() < 0.5 else rng.randrange(len(out))
        kind = rng.randrange(7)
        if kind == 0:
            out[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            out[at] = rng.choice((0, 1, 127, 128, 255))
        elif kind == 2:
            form = rng.choice(("<H", ">H", "<I", ">I"))
            word = struct.pack(form, rng.choice(_WORDS) % (2**16 if form[1] == "H" else 2**32))
            out[at : at + len(word)] = word
        elif kind == 3:
            del out[at:]
        elif kind == 4:
            del out[at : at + rng.randrange(1, 64)]
        elif kind == 5:
            out[at:at] = out[at : at + rng.randrange(1, 64)]
        else:
            out[at : at + 8] = bytes([rng.choice((0, 255))]) * 8
    return bytes(out)


def spoiled_tree(tree: Any, rng: random.Random, values: tuple[Any, ...] = VALUES) -> Any:
    """Return nested lists and dictionaries with one to four parts changed, dropped, doubled or renamed."""
    out = copy.deepcopy(tree)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        places = list(_places(out))
        if not places:
            return rng.choice(values)
        owner, key = rng.choice(places)
        kind = rng.randrange(8)
        if kind < 5:
            owner[key] = copy.deepcopy(rng.choice(values))
        elif kind == 5:
            del owner[key]
        elif kind == 6 and isinstance(owner, list):
            owner.insert(key, copy.deepcopy(owner[key]))
        elif isinstance(owner, dict):
            owner[rng.choice(("", "x", "id", "axes", "é"))] = owner.pop(key)
    return out


def _places(tree: Any) -> Any:
    """Yield (owner, key) of every part."""
    parts = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, part in parts:
        yield tree, key
        yield from _places(part)


def as_json(tree: Any, rng: random.Random) -> bytes:
    """Write JSON, now and then spoiled as bytes too; lone surrogates as escapes or as they are."""
    text = json.dumps(tree, ensure_ascii=rng.random() < 0.5)
    data = text.encode("utf-8", "surrogatepass")
    return spoiled_bytes(data, rng) if rng.random() < 0.15 else data
