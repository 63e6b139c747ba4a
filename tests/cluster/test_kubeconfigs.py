"""What a kubeconfig may hold, row by row as in docs/kubeconfig.md: the same answer as kubectl's.

Each row is a kubeconfig for the real API server, straight or through a server of the test's own.
labgrader and `kubectl auth whoami` must be the same user by it.
"""

from __future__ import annotations

import base64
import copy
import json
import os
import ssl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from labgrader.clusters.embedded.binary import kube_binary
from labgrader.kube.client import Kube
from labgrader.kube.kubeconfig import connect
from labgrader.kube.resources import Resource, dig
from tests.support import certificates
from tests.support.gateway import Gateway
from tests.support.proxies import Proxy

pytestmark = [pytest.mark.cluster]

WHO = Resource(
    "authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False
)
TOKEN = Resource("", "v1", "serviceaccounts/default/token", "TokenRequest")
Data = dict[str, Any]
UMLAUT = "# Zertifizierungsstelle für Tests\n"


@dataclass(frozen=True)
class Place:
    """Where a row is tried."""

    folder: Path
    admin: Data
    token: str
    chain: certificates.Chain
    gateway: str
    proxies: dict[str, str]

    def file(self, name: str, content: str | bytes) -> str:
        """Write a file beside the kubeconfig; return its relative name."""
        data = content.encode() if isinstance(content, str) else content
        (self.folder / name).write_bytes(data)
        return name

    @property
    def authority(self) -> bytes:
        return base64.b64decode(self.admin["clusters"][0]["cluster"]["certificate-authority-data"])


@pytest.fixture(scope="module")
def place(
    kubeconfig: Path, kube: Kube, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    folder, chain = tmp_path_factory.mktemp("kubeconfigs"), certificates.make()
    (folder / "chain").write_bytes(chain.leaf + chain.intermediate + chain.key)
    (folder / "leaf").write_bytes(chain.leaf + chain.key)
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(folder / "chain")
    gateway = Gateway(connect(kubeconfig), tls=shown)
    opened = {scheme: Proxy(scheme) for scheme in ("http", "socks5")}
    token = kube.create(TOKEN, {"spec": {"expirationSeconds": 3600}}, "default")["status"]["token"]
    admin = yaml.safe_load(kubeconfig.read_text())
    urls = {scheme: proxy.url for scheme, proxy in opened.items()}
    yield Place(folder, admin, token, chain, gateway.url, urls)
    gateway.close()
    for proxy in opened.values():
        proxy.close()
    assert all(proxy.passed for proxy in opened.values()), "a proxy was passed by"


def user(place: Place, **fields: Any) -> Data:
    data = copy.deepcopy(place.admin)
    data["users"][0]["user"] = fields
    return data


def admin(place: Place, **fields: Any) -> Data:
    data = copy.deepcopy(place.admin)
    data["users"][0]["user"] |= fields
    return data


def cluster(place: Place, **fields: Any) -> Data:
    data = copy.deepcopy(place.admin)
    data["clusters"][0]["cluster"] |= fields
    return data


def behind(place: Place, authority: bytes, **fields: Any) -> Data:
    """Return a kubeconfig for the gateway, which has its own credentials."""
    data = user(place, token="not-passed-on")
    trust = {"certificate-authority-data": base64.b64encode(authority).decode()}
    data["clusters"][0]["cluster"] = {"server": place.gateway, **trust, **fields}
    return data


def plugin(place: Place, name: str, **status: str) -> dict[str, Any]:
    version = "client.authentication.k8s.io/v1"
    body = json.dumps({"kind": "ExecCredential", "apiVersion": version, "status": status})
    place.file(name, f"#!/bin/sh\ncat <<'END'\n{body}\nEND\n")
    (place.folder / name).chmod(0o700)
    return {"apiVersion": version, "command": f"./{name}", "interactiveMode": "Never"}


def own(place: Place, key: str) -> str:
    return base64.b64decode(place.admin["users"][0]["user"][f"{key}-data"]).decode()


def certificate_files(place: Place) -> Data:
    return user(
        place,
        **{
            "client-certificate": place.file("client.crt", own(place, "client-certificate")),
            "client-key": place.file("client.key", own(place, "client-key")),
        },
    )


def without_authority_data(place: Place, **fields: Any) -> Data:
    data = cluster(place, **fields)
    del data["clusters"][0]["cluster"]["certificate-authority-data"]
    return data


ROWS: dict[str, Callable[[Place], Data]] = {
    "certificate data": lambda at: at.admin,
    "certificate files, relative": certificate_files,
    "token": lambda at: user(at, token=at.token),
    "tokenFile": lambda at: user(at, tokenFile=at.file("token", at.token + "\n")),
    "tokenFile wins": lambda at: user(at, token="stale", tokenFile=at.file("fresh", at.token)),
    "exec with a token": lambda at: user(at, exec=plugin(at, "helper-token", token=at.token)),
    "exec with a certificate": lambda at: user(
        at,
        exec=plugin(
            at,
            "helper-certificate",
            clientCertificateData=own(at, "client-certificate"),
            clientKeyData=own(at, "client-key"),
        ),
    ),
    "authority in a file": lambda at: without_authority_data(
        at, **{"certificate-authority": at.file("ca.crt", at.authority)}
    ),
    "authority with a comment in Latin-1": lambda at: without_authority_data(
        at,
        **{"certificate-authority": at.file("latin.crt", UMLAUT.encode("latin-1") + at.authority)},
    ),
    "authority with a comment in UTF-8": lambda at: cluster(
        at,
        **{"certificate-authority-data": base64.b64encode(UMLAUT.encode() + at.authority).decode()},
    ),
    "root authority": lambda at: behind(at, at.chain.root),
    "intermediate authority": lambda at: behind(at, at.chain.intermediate),
    "the server's own certificate": lambda at: behind(at, at.chain.leaf),
    "tls-server-name": lambda at: behind(
        at,
        at.chain.root,
        **{
            "server": at.gateway.replace("127.0.0.1", "localhost"),
            "tls-server-name": "lab.example",
        },
    ),
    "insecure-skip-tls-verify": lambda at: without_authority_data(
        at, **{"insecure-skip-tls-verify": True}
    ),
    "proxy-url http": lambda at: cluster(at, **{"proxy-url": at.proxies["http"]}),
    "proxy-url socks5": lambda at: cluster(at, **{"proxy-url": at.proxies["socks5"]}),
    "as": lambda at: admin(at, **{"as": "student"}),
    "as, with all of it": lambda at: admin(
        at,
        **{
            "as": "jörg",
            "as-uid": "7",
            "as-groups": ["pupils", "late, again"],
            "as-user-extra": {"example.org/scope": ["a", "b"]},
        },
    ),
    "a service account's as": lambda at: admin(at, **{"as": "system:serviceaccount:a:b"}),
}


def ours(files: list[Path]) -> Data:
    kube = Kube(connect(files))
    try:
        found = kube.create(WHO, {"apiVersion": WHO.api_version, "kind": WHO.kind})
        return dict(dig(found, "status.userInfo"))
    finally:
        kube.close()


def kubectls(files: list[Path]) -> Data:
    env = {**os.environ, "KUBECONFIG": os.pathsep.join(map(str, files)), "KUBERC": "off"}
    command = [str(kube_binary()), "kubectl", "auth", "whoami", "-o", "json"]
    done = subprocess.run(command, env=env, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return dict(json.loads(done.stdout)["status"]["userInfo"])


def same(files: list[Path]) -> Data:
    """Return who one is by these files, for kubectl as for labgrader."""
    found, expected = ours(files), kubectls(files)
    for one in (found, expected):  # a credential's id is another one each time
        one.get("extra", {}).pop("authentication.kubernetes.io/credential-id", None)
    assert found == expected
    return found


@pytest.mark.parametrize("row", ROWS)
def test_row(place: Place, row: str) -> None:
    file = place.folder / "kubeconfig"
    file.write_text(yaml.safe_dump(ROWS[row](place), allow_unicode=True))
    found = same([file])
    assert found["username"]
    if row.startswith("as, with"):
        assert {"pupils", "late, again"} <= set(found["groups"])
        assert found["extra"]["example.org/scope"] == ["a", "b"]


def test_entries_spread_over_files(place: Place) -> None:
    """Each kind in a file and a folder of its own; what stands in a later file does not count."""
    data = certificate_files(place)
    files = []
    for kind in ("current-context", "contexts", "clusters", "users"):
        files.append(place.folder / f"only-{kind}")
        files[-1].write_text(yaml.safe_dump({kind: data[kind]}))
    wrong = user(place, token="wrong")
    wrong["current-context"] = "wrong"
    files.append(place.folder / "later")
    files[-1].write_text(yaml.safe_dump(wrong))
    assert same([place.folder / "nowhere", *files])["username"]
