"""Finds the shell scripts that a pod runs: in commands, and in mounted ConfigMaps."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from labgrader.kube.resources import CONFIG_MAP, Object, dig
from labgrader.toolkit.config_maps import texts_of
from labgrader.toolkit.volumes import config_maps

_SHELL = re.compile(r"(?:.*/)?(?:ba|da|a)?sh")
_WITH_COMMAND = re.compile(r"-[a-z]*c[a-z]*")
_TO_FILE = re.compile(r"(?<![<>&\d=-])\d?>{1,2}\|?\s*(?!&|/dev/(?:null|std|fd))[\w\"'$/.{~]")
_WRITERS = re.compile(r"(?:^|[\s;&|(])(?:tee|tar|cp|mv|rsync|install|dd|zip)\s")
MAX_CHARACTERS = 200_000


@dataclass(frozen=True, slots=True)
class Script:
    """A script, and where it stands; ``writes`` says whether it writes files."""

    place: str
    text: str

    @property
    def writes(self) -> bool:
        """Whether it writes a file, as far as one sees."""
        text = self.text[:MAX_CHARACTERS]
        return bool(_TO_FILE.search(text) or _WRITERS.search(text))


def run_by(spec: Object, read: Callable[[str], Object | None]) -> list[Script]:
    """Return the scripts that a pod runs.

    Of a ConfigMap these are the keys that a command names; where none is named, all that look like
    scripts.

    Args:
        read: returns a ConfigMap by its name.
    """
    containers = [*dig(spec, "initContainers", []), *dig(spec, "containers", [])]
    inline = [
        Script(f"command of {one.get('name')}", text)
        for one in containers
        if (text := _inline(_words(one)))
    ]
    stored = [one for name in config_maps(spec) for one in _stored(name, read(name), spec)]
    said = "\n".join(" ".join(_words(one)) for one in containers)
    named = [script for script, names in stored if any(one in said for one in names)]
    while True:  # a script may run another one
        said = "\n".join(script.text for script in named)
        more = [s for s, names in stored if s not in named and any(one in said for one in names)]
        if not more:
            break
        named += more
    return [*inline, *(named or [script for script, _ in stored])]


def _words(container: Object) -> list[str]:
    return [str(one) for one in [*dig(container, "command", []), *dig(container, "args", [])]]


def _inline(words: Sequence[str]) -> str:
    """Return the script in a command line such as ``sh -ec SCRIPT``; empty where there is none."""
    if not words or not _SHELL.fullmatch(words[0]):
        return ""
    for at, word in enumerate(words[1:-1], 1):
        if _WITH_COMMAND.fullmatch(word):
            return words[at + 1]
    return ""


def _stored(name: str, found: Object | None, spec: Object) -> Iterator[tuple[Script, set[str]]]:
    """Yield the scripts of a ConfigMap, and the names that their files have in the pod."""
    for key, text in texts_of(found or {}).items():
        if key.endswith(".sh") or text.startswith("#!"):
            paths = {
                str(item.get("path", "")).rpartition("/")[2]
                for volume in dig(spec, "volumes", [])
                for source in (volume, *dig(volume, "projected.sources", []))
                if dig(source, "configMap.name") == name
                for item in dig(source, "configMap.items", [])
                if item.get("key") == key
            }
            place = f"{CONFIG_MAP.describe(name)} data[{key}]"
            yield Script(place, text), {one for one in {key, *paths} if one}


def unrunnable(text: str) -> str:
    """Say what keeps a shell from running a script that it could read; empty where nothing does."""
    if "\0" in text:
        return "it is not UTF-8 text (UTF-16, perhaps)"
    for number, line in enumerate(text.split("\n"), 1):
        if line.endswith("\r") and not line.lstrip().startswith("#"):
            return (
                f"line {number} ends with CR LF, as on Windows: the shell takes CR as a character"
            )
    return ""
