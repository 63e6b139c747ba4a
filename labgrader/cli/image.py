"""``labgrader image …``: images for pods, from files instead of a registry."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from labgrader.cli.cluster import NAME_OPTION, PROVIDER_OPTION


@click.group()
def image() -> None:
    """Bring container images into the lab's cluster."""


@image.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@PROVIDER_OPTION
@NAME_OPTION
def load(file: Path, kind: str, name: str) -> None:
    """Load the images in FILE (an OCI or Docker archive); nothing is pulled from anywhere."""
    from labgrader.clusters.providers import get_provider

    provider = get_provider(kind, name)
    for line in provider.load_image(file):
        click.echo(line, err=True)
