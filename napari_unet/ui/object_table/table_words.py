"""What the dock says of how its table stands. Decides nothing."""

from __future__ import annotations

NOTHING = "No objects yet. Find some in the dock Objects, or open a labels layer in which each object has a number."
CHANGED = "The objects have changed since: this is the table of an answer from before. Press Measure."
ELSEWHERE = "Another plane is shown than the one that this table is of. Press Measure."
MOVED = "The layer shows something else by now; its table comes in a moment, or press Measure."
CANCELLED = "Cancelled; the table is as it was."
MEASURING = "Measuring\N{HORIZONTAL ELLIPSIS}"
FILTERED_OUT = "Object {} is filtered out."
