"""What the build adds to pyproject.toml: project URLs, and a README whose links and images work on other sites too.

All of it comes from one setting, ``repository`` in ``[tool.hatch.metadata.hooks.custom]``. hatch-fancy-pypi-readme can
rewrite links as well, but its replacements are fixed text: the address would stand in several places, and there would
be no way to say that it is not known yet. The addresses have the form that GitHub gives them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

# [text](target) and ![text](target) with a target in this repository: no https:, no mailto:, no #heading
_LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\[\]]*)\]\((?!#|[a-z]+:)(?P<target>[^()\s]+)\)")


class AddressHook(MetadataHookInterface):
    """Fills in ``readme`` and ``urls``."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the two to the metadata of the project, in place."""
        address, tag = checked(self.config.get("repository", "")), f"v{metadata['version']}"
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": absolute_links(text, address, tag)}
        metadata["urls"] = project_urls(address, tag)


def checked(address: str) -> str:
    """Return the address of the repository without a slash at its end; empty where it is not known yet."""
    if address and not re.fullmatch(r"https://[\w.-]+(/[\w.-]+)+/?", address):
        raise ValueError(f"repository = {address!r} in pyproject.toml is not like https://host/owner/name")
    return address.rstrip("/").removesuffix(".git")


def project_urls(address: str, tag: str) -> dict[str, str]:
    """Return the links beside the description on PyPI and the napari hub; none without an address."""
    if not address:
        return {}
    return {
        "Source Code": address,
        "Documentation": f"{address}/blob/{tag}/docs/how_it_works.md",
        "Changelog": f"{address}/blob/{tag}/CHANGELOG.md",
        "Bug Tracker": f"{address}/issues",
    }


def absolute_links(text: str, address: str, tag: str) -> str:
    """Point relative links of a Markdown text into the repository as it was at a tag; unchanged without an address.

    A page on PyPI stays for ever as it was uploaded, so its pictures must not follow a branch.
    """
    if not address:
        return text

    def absolute(link: re.Match[str]) -> str:
        kind = "raw" if link["image"] else "blob"
        return f"{link['image']}[{link['text']}]({address}/{kind}/{tag}/{link['target']})"

    return _LINK.sub(absolute, text)
