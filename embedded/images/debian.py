"""Debian packages without an installation: fetched and unpacked by mmdebstrap, for any processor.

Nothing of the packages is run, so no emulation is needed; the few things that their scripts would
have made (certificates, users) are added by hand. The mirror is the one of this machine.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from .errors import ImageError
from .layers import Layer

_USERS = """\
root:x:0:0:root:/root:/bin/sh
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
nginx:x:101:101:nginx:/nonexistent:/bin/false
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
"""
_GROUPS = "root:x:0:\nwww-data:x:33:\nnginx:x:101:\nnonroot:x:65532:\nnogroup:x:65534:\n"


def suite() -> str:
    """Return the code name of this machine's Debian.

    Raises:
        ImageError: it is none.
    """
    text = Path("/etc/os-release").read_text(encoding="utf-8")
    found = re.search(r"^VERSION_CODENAME=\"?(\w+)", text, re.MULTILINE)
    if found is None or "debian" not in text.lower():
        raise ImageError("this machine is no Debian: the images need its packages and its mirror.")
    return found[1]


def unpacked(packages: tuple[str, ...], arch: str, scratch: Path) -> Layer:
    """Return a layer with these packages and all they depend on."""
    out = scratch / "root.tar"
    command = ["mmdebstrap", "--quiet", "--variant=extract", "--mode=root", f"--arch={arch}"]
    done = subprocess.run(
        [*command, f"--include={','.join(packages)}", suite(), str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        reason = re.sub(r"https?://\S+", "<mirror>", said[0] if said else "no reason was given")
        raise ImageError(
            f"mmdebstrap could not fetch {', '.join(packages)}: {reason}; "
            "see that `apt-get update` works here."
        )
    layer = Layer()
    layer.archive(out)
    out.unlink()
    finish(layer)
    return layer


def finish(layer: Layer) -> None:
    """Add what an installation would have made: users, folders, a shell, certificates."""
    layer.file("etc/passwd", _USERS.encode())
    layer.file("etc/group", _GROUPS.encode())
    layer.file("etc/nsswitch.conf", b"passwd: files\ngroup: files\nhosts: files dns\n")
    layer.folder("tmp", 0o1777)
    layer.folder("var/tmp", 0o1777)
    layer.folder("root", 0o700)
    layer.folder("run")
    layer.folder("home/nonroot", 0o750, owner=65532)
    paths = layer.paths()
    certificates = [p for p in paths if re.fullmatch(r"usr/share/ca-certificates/.+\.crt", p)]
    if certificates:
        bundle = b"\n".join(layer.content(path).strip() for path in certificates) + b"\n"
        layer.file("etc/ssl/certs/ca-certificates.crt", bundle)
    if "bin/busybox" in paths:
        there = set(paths)
        for name in applets(layer.content("bin/busybox")):
            if not {f"{d}/{name}" for d in ("bin", "usr/bin", "sbin", "usr/sbin")} & there:
                layer.link(f"bin/{name}", "/bin/busybox")


def applets(busybox: bytes) -> list[str]:
    """Return a busybox' commands, read from its own table: it may be for another processor."""
    start = busybox.find(b"\0[\0[[\0") + 1
    if start == 0:
        raise ImageError("this busybox has no table of commands where it was expected.")
    end = busybox.index(b"\0\0", start)
    return [name.decode() for name in busybox[start:end].split(b"\0")]
