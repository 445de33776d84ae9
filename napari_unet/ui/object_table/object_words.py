"""What the columns of a table of objects are called on screen, what they mean, and how numbers are written."""

from __future__ import annotations

from napari_unet.io import unit_short

ABOUT = {
    "object": "The number of the object in its layer.",
    "plane": "The plane that the object lies in.",
    "class": "The class that most of the object has.",
    "area": "Area of the object.",
    "volume": "Volume of the object.",
    "perimeter": "Length of the outline, as scikit-image measures it.",
    "y": "Center of the object, down.", "x": "Center of the object, to the right.",
    "z": "Center of the object, across planes.",
    "diameter": "Diameter of the disc (in 3-D the ball) of the same size.",
    "major": "Long axis of the ellipse with the same second moments.",
    "minor": "Short axis of the ellipse with the same second moments.",
    "eccentricity": "Of that ellipse: 0 is a disc, near 1 a needle.",
    "extent": "Share of its box that the object fills.",
    "solidity": "Share of its convex hull that the object fills: two in one often have a low one.",
    "surface": "Area of the surface of an object of a volume.",
    "mean": "Mean of the image inside the object, of its pixels as they are.",
    "std": "Spread (standard deviation) of the image inside the object.",
    "min": "Smallest value of the image inside the object.",
    "max": "Largest value of the image inside the object.",
    "border": "Whether the object touches the border of the image: then a part of it may be missing.",
    "neighbours": "How many other objects it touches, by a corner too.",
    "nearest": "Distance from its center to the nearest other center.",
}

_POWERS = {"^2": "\N{SUPERSCRIPT TWO}", "^3": "\N{SUPERSCRIPT THREE}"}
_SIGNS = {"um": "\N{MICRO SIGN}m", "pixel": "px", "angstrom": "\N{LATIN CAPITAL LETTER A WITH RING ABOVE}"}


def title_of(column: str, unit: str) -> str:
    """Return the heading of a column in two lines: its name, and its unit as people write it."""
    word = column.removesuffix("_px") if unit else column
    return f"{word}\n{unit_sign(unit)}" if unit else word


def one_line(column: str, unit: str) -> str:
    """Return the heading of a column in one line."""
    return title_of(column, unit).replace("\n", " ")


def about_column(column: str) -> str:
    """Return what a column means; of a channel, by its first word."""
    word, _, channel = column.removesuffix("_px").partition(" ")
    told = ABOUT.get(word, "")
    return f"{told}\nChannel: {channel}" if channel and told else told


def unit_sign(unit: str) -> str:
    """Return a unit as people write it: ``\N{MICRO SIGN}m\N{SUPERSCRIPT TWO}``."""
    plain, power = next(((unit[:-2], sign) for ending, sign in _POWERS.items() if unit.endswith(ending)), (unit, ""))
    short = unit_short(plain)
    return _SIGNS.get(short, short) + power


def number_text(value: object) -> str:
    """Return a value for a cell: four digits are enough to read, a dash is none."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if value != value:
            return "\N{EN DASH}"
        return f"{value:.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"
    return str(value)
