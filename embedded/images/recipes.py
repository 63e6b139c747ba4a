"""What each of the labs' images is made of."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .debian import suite, unpacked
from .errors import ImageError
from .layers import Layer

ROOT = Path(__file__).resolve().parents[2]
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PLATFORMS = {"amd64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True)
class Part:
    """A layer: how it is made, and the key of all its inputs (equal key, equal layer)."""

    name: str
    key: str
    make: Callable[[str, Path], Layer]


@dataclass(frozen=True)
class Recipe:
    """An image: its full names, its layers from the bottom up, how it runs."""

    names: tuple[str, ...]
    parts: tuple[Part, ...]
    run: dict[str, Any] = field(default_factory=dict)


def recipes(kubectl: Path) -> list[Recipe]:
    """Return all images; ``kubectl`` is the multi-call binary for their processor."""
    tools = _packages("busybox-static")
    shell = {"Env": [_PATH], "Cmd": ["sh"]}
    return [
        Recipe(
            ("docker.io/labgrader/pause:1",),
            (tools,),
            {"Entrypoint": ["/bin/sleep", "2147483647"], "User": "65534:65534"},
        ),
        Recipe(("docker.io/library/busybox:1.35",), (tools,), shell),
        Recipe(
            ("docker.io/library/nginx:1.21",),
            (
                _packages("nginx-light", "busybox-static"),
                _part("web", _web, _WEB_SETTINGS + _WEB_SITE + _WEB_PAGE),
            ),
            {
                "Env": [_PATH],
                "Cmd": ["/usr/sbin/nginx", "-g", "daemon off;"],
                "ExposedPorts": {"80/tcp": {}},
                "StopSignal": "SIGQUIT",
            },
        ),
        Recipe(
            ("docker.io/labgrader/curl:1.0", "docker.io/curlimages/curl:8.8.0"),
            (_packages("curl", "ca-certificates", "busybox-static"),),
            {"Env": [_PATH], "Cmd": ["sh"], "User": "65534:65534"},
        ),
        Recipe(
            ("docker.io/labgrader/kubectl:1.37",),
            (_packages("bash", "busybox-static"), _kubectl(kubectl)),
            {"Env": [_PATH, "HOME=/tmp"], "Cmd": ["sh"], "User": "65532:65532"},
        ),
        *_of_labs(),
    ]  # fmt: skip


def _of_labs() -> list[Recipe]:
    """Return the images that the repository's labs describe in solutions/images.json."""
    files = [ROOT / "solutions" / "images.json", *ROOT.glob("labs/*/*/solutions/images.json")]
    return [
        _of_lab(one, file.parent)
        for file in files
        if file.is_file()
        for one in json.loads(file.read_text(encoding="utf-8"))
    ]


def _of_lab(told: dict[str, Any], root: Path) -> Recipe:
    """Return an image: Debian packages, wheels by a locked list, and folders of the lab."""
    parts = [_packages(*told["packages"])]
    if "wheels" in told:
        wanted = root / told["wheels"]
        make = functools.partial(_wheels, wanted=wanted)
        parts.append(_part("wheels", make, _digest([wanted])))
    for source, target in told.get("folders", {}).items():
        folder = root / source
        copy = functools.partial(_folder, source=folder, target=target)
        parts.append(_part("operator", copy, _digest(_files(folder))))
    return Recipe(tuple(told["names"]), tuple(parts), told.get("run", {}))


def _part(name: str, make: Callable[[str, Path], Layer], inputs: str) -> Part:
    return Part(name, hashlib.sha256(f"{name} {inputs}".encode()).hexdigest(), make)


def _packages(*names: str) -> Part:
    def make(arch: str, scratch: Path) -> Layer:
        return unpacked(names, arch, scratch)

    return _part(names[0], make, f"{suite()} {' '.join(names)}")


def _digest(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.name} {path.stat().st_size}\n".encode())
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()


def _files(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.rglob("*")) if p.is_file() and "__pycache__" not in p.parts]


def _kubectl(binary: Path) -> Part:
    def make(_arch: str, _scratch: Path) -> Layer:
        layer = Layer()
        layer.file("usr/local/bin/kubectl", binary.read_bytes(), 0o755)
        return layer

    return _part("kubectl", make, _digest([binary]))


def _folder(_arch: str, _scratch: Path, *, source: Path, target: str) -> Layer:
    layer = Layer()
    layer.tree(source, target)
    return layer


def _wheels(arch: str, scratch: Path, *, wanted: Path) -> Layer:
    """Return the wheels of a locked list, for the Python of this machine's Debian."""
    version = _debian_python()
    goal = scratch / "wheels"
    platforms = [f"manylinux2014_{_PLATFORMS[arch]}", f"manylinux_2_28_{_PLATFORMS[arch]}"]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    options = ["--require-hashes", "--no-deps", "--no-compile", "--only-binary=:all:"]
    options += [f"--platform={platform}" for platform in platforms]
    options += [f"--python-version={version}", "--implementation=cp", f"--target={goal}"]
    done = subprocess.run(
        [*command, *options, "-r", str(wanted)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        raise ImageError(
            f"pip could not fetch what {wanted} lists: {lines[0] if lines else 'no reason'}; "
            "is PyPI reachable from here?"
        )
    layer = Layer()
    layer.tree(goal, "app", skip=("__pycache__", "bin", "tests"))
    shutil.rmtree(goal)
    return layer


def _debian_python() -> str:
    """Return the version of Debian's python3, e.g. 3.11; it need not be the one that runs this."""
    with tempfile.TemporaryDirectory() as elsewhere:
        done = subprocess.run(
            ["apt-cache", "show", "--no-all-versions", "python3"],
            capture_output=True, text=True, check=False, cwd=elsewhere,
        )  # fmt: skip
    line = next((x for x in done.stdout.splitlines() if x.startswith("Version: ")), "")
    if not line:
        raise ImageError("apt knows no package python3: run `apt-get update`, then try again.")
    return ".".join(line.split()[1].split(".")[:2])


_WEB_SETTINGS = """\
user nginx;
worker_processes 1;
error_log /dev/stderr notice;
pid /run/nginx.pid;
events { worker_connections 512; }
http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  access_log /dev/stdout;
  sendfile on;
  client_body_temp_path /tmp/client; proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi; uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
  include /etc/nginx/conf.d/*.conf;
}
"""
_WEB_SITE = """\
server {
  listen 80;
  server_name localhost;
  root /usr/share/nginx/html;
  index index.html;
}
"""
_WEB_PAGE = "<!DOCTYPE html>\n<title>Welcome to nginx!</title>\n<h1>Welcome to nginx!</h1>\n"


def _web(_arch: str, _scratch: Path) -> Layer:
    layer = Layer()
    layer.file("etc/nginx/nginx.conf", _WEB_SETTINGS.encode())
    layer.file("etc/nginx/conf.d/default.conf", _WEB_SITE.encode())
    layer.file("usr/share/nginx/html/index.html", _WEB_PAGE.encode())
    return layer
