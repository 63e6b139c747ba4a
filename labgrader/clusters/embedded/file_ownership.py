"""Owner of state files: with sudo, the user who typed it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from labgrader.clusters.embedded.layout import ClusterLayout
from labgrader.paths import behind_sudo


@contextlib.contextmanager
def owned(layout: ClusterLayout) -> Iterator[None]:
    """Give what the block makes below the state folder to the user behind sudo, if there is one."""
    try:
        yield
    finally:
        user = behind_sudo()
        if user is not None:
            for path in _theirs(layout):
                with contextlib.suppress(FileNotFoundError):
                    os.chown(path, *user, follow_symlinks=False)


def _theirs(layout: ClusterLayout) -> Iterator[Path]:
    clusters = layout.root.parent
    made = (clusters.parent, clusters, layout.lock, layout.root)
    yield from (path for path in made if path.exists() and path.stat().st_uid == 0)
    roots_own = {layout.node, layout.volumes, layout.etcd_data}
    for path in layout.root.iterdir() if layout.root.is_dir() else ():
        if path not in roots_own:
            yield path
            yield from path.rglob("*") if path.is_dir() and not path.is_symlink() else ()
