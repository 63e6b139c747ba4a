"""Packs what build.py made: sets the wheel's platform tag and refuses a wheel without a binary.

It compiles nothing: a hook that takes ten minutes and 4 GB would surprise users of `pip install`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_TAGS = {
    ("linux", "amd64"): "manylinux2014_x86_64",
    ("linux", "arm64"): "manylinux2014_aarch64",
    ("darwin", "arm64"): "macosx_11_0_arm64",
}


class PackHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling's own generic has no useful argument here
    """Runs before hatchling writes a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Let an editable install pass without a binary: `uv sync` comes before `make kube`."""
        if version == "editable":
            return
        data = Path(self.root) / "src" / "labgrader_kube" / "_data"
        if (
            not (data / "bin" / "labgrader-kube").is_file()
            or not (data / "versions.json").is_file()
        ):
            raise SystemExit(
                "labgrader-kube: there is no binary to pack in _data: run `make kube` first"
            )
        built = json.loads((data / "versions.json").read_text(encoding="utf-8"))
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{_TAGS[built['os'], built['arch']]}"
