"""Reads the files of a backup, and checks by dry-run that they can be restored."""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import json
import re
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from labgrader.kube.resources import Object, dig
from labgrader.util.bounded_yaml import NotReadable, stored_documents

MAX_BYTES = 6_000_000
"""How much is unpacked and read, of all files together."""

MAX_FILE_BYTES = 2_000_000
MAX_FILES = 2000
"""How many new files are read; how many old ones lie beside them does not matter."""

MARK = "@@labgrader "
_TOTAL = re.compile(rf"^{MARK}total (\d+)$", re.MULTILINE)
_DROPPED = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields")
_ALSO_DROPPED = ("selfLink", "ownerReferences", "deletionTimestamp", "deletionGracePeriodSeconds")

READER = f"""
now=$(date +%s)
for root in "$@"; do
  echo "{MARK}total $(find "$root" -type f 2>/dev/null | wc -l)"
  find "$root" -type f -mmin "-$MINUTES" 2>/dev/null | head -n {MAX_FILES + 1} |
  while read -r file; do
    age=$((now - $(stat -c %Y "$file")))
    size=$(stat -c %s "$file")
    if [ "$age" -le "$FRESH" ]; then
      echo "{MARK}$age $size $file"
      if [ "$size" -le {MAX_FILE_BYTES} ]; then base64 "$file"; fi
    fi
  done
done | head -c 9000000
echo
echo "{MARK}end"
"""
"""Gives every file that is new, with its age in seconds by the node's own clock, and their total.

Old files are left out by `find`: a volume may hold the backups of years. Symbolic links are not
followed, and names with a newline are not found: nobody needs either.
"""


@dataclass(frozen=True, slots=True)
class Written:
    """One file on the volume. ``content`` is None for one that is old, or too large to be read."""

    path: str
    age: int
    size: int
    content: bytes | None


class TooMuch(ValueError):
    """A run wrote more than is read here; that says nothing about whether it restores."""


def files_of(printed: str, fresh: int) -> list[Written]:
    """Return the new files that ``READER`` printed.

    Raises:
        TooMuch: there are more of them, or of their content, than are read.
    """
    found = [one for one in _parts(printed) if one.age <= fresh]
    if f"{MARK}end" not in printed or len(found) > MAX_FILES:
        raise TooMuch("the run wrote more than can be read here")
    return found


def total_of(printed: str) -> int:
    """Return how many files there are on the volumes that ``READER`` looked at."""
    return sum(int(one) for one in _TOTAL.findall(printed))


def _parts(printed: str) -> Iterator[Written]:
    for part in printed.split(f"\n{MARK}" if not printed.startswith(MARK) else MARK):
        head, _, body = part.removeprefix(MARK).strip().partition("\n")
        words = head.split(" ", 2)
        if len(words) == 3 and words[0].lstrip("-").isdigit() and words[1].isdigit():
            age, size = int(words[0]), int(words[1])
            content = _decoded(body) if size <= MAX_FILE_BYTES else None
            yield Written(words[2], age, size, content)


def _decoded(body: str) -> bytes | None:
    try:
        return base64.b64decode(body)
    except (binascii.Error, ValueError):
        return None


def objects_in(files: Iterable[Written]) -> tuple[list[Object], list[str]]:
    """Return every Kubernetes object in the files, and what could not be read of which."""
    found: list[Object] = []
    wrong: list[str] = []
    left = MAX_BYTES
    for file in files:
        if file.content is None:
            wrong.append(f"{file.path} is too large ({file.size} bytes)")
            continue
        try:
            for text in _texts(file.content, left):
                left -= len(text)
                found.extend(_objects(text))
        except (NotReadable, OSError, EOFError, ValueError, zlib.error, tarfile.TarError) as error:
            wrong.append(f"{file.path}: {' '.join(str(error).split())[:120]}")
    return found, wrong


def _texts(content: bytes, most: int) -> Iterator[str]:
    """Yield the texts in a file, unpacked where it is packed; never more than ``most`` bytes."""
    if content.startswith(b"\x1f\x8b"):
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            content = packed.read(most + 1)
    if len(content) > most:
        raise ValueError("it holds more than anybody should unpack")
    if content[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for member in archive:
                inner = archive.extractfile(member) if member.isfile() else None
                if inner is not None:
                    yield from _texts(inner.read(most + 1), most)
        return
    yield content.decode("utf-8", errors="replace")


def _objects(text: str) -> Iterator[Object]:
    for document in stored_documents(text, MAX_BYTES):
        if not isinstance(document, Mapping):
            continue
        if str(document.get("kind", "")).endswith("List") and isinstance(
            document.get("items"), list
        ):
            yield from (dict(one) for one in document["items"] if isinstance(one, Mapping))
        elif "kind" in document:
            yield dict(document)


def stripped(obj: Object) -> Object:
    """Return an object as it would be created anew: without what the API server gave it."""
    metadata = dig(obj, "metadata", {})
    kept = {
        key: value
        for key, value in (metadata.items() if isinstance(metadata, Mapping) else ())
        if key not in (*_DROPPED, *_ALSO_DROPPED)
    }
    return {key: value for key, value in {**obj, "metadata": kept}.items() if key != "status"}


def essence(obj: Mapping[str, Any]) -> str:
    """Return what makes an object what it is, so that two can be compared."""
    kept = {
        key: value
        for key, value in obj.items()
        if key not in ("metadata", "status", "apiVersion", "kind")
    }
    return json.dumps(kept, sort_keys=True, default=str)


def faults_of(wanted: Object, found: Iterable[Object], refused: Callable[[Object], str]) -> str:
    """Say why an object of the cluster could not be restored from a backup; empty where it could.

    Args:
        refused: asks the API server by dry-run; returns its words where it refuses.
    """
    key = _key(wanted)
    mine = [one for one in found if _key(one) == key]
    if not mine:
        return "it is not in the backup"
    same = [one for one in mine if essence(one) == essence(wanted)]
    if not same:
        return "what the backup holds of it is not what the cluster has"
    return refused(stripped(same[0]))


def _key(obj: Mapping[str, Any]) -> tuple[str, str, str]:
    return (
        str(obj.get("kind")),
        str(dig(obj, "metadata.namespace", "")),
        str(dig(obj, "metadata.name", "")),
    )
