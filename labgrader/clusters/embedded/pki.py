"""The cluster's certificates and keys: made with ``cryptography``, kept 0600, renewed in time."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from labgrader.clusters.embedded.files import write_private

SERVICE_ADDRESS = "10.96.0.1"
"""The first address of the Service range: pods reach the API server there."""

_RENEW = timedelta(days=30)
_LIFE = {"ca": timedelta(days=3650), "leaf": timedelta(days=365)}
_BACKDATE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a certificate names: ``user`` and ``groups`` as Kubernetes reads them."""

    user: str
    groups: tuple[str, ...] = ()


CLIENTS = {
    "admin": Identity("kubernetes-admin", ("system:masters",)),
    # labgrader's own housekeeping, so that the audit log can tell it from the learner's work.
    "provider": Identity("labgrader:provider", ("system:masters",)),
    "kube-controller-manager": Identity("system:kube-controller-manager"),
    "kube-scheduler": Identity("system:kube-scheduler"),
    "kwok": Identity("labgrader:kwok", ("system:masters",)),
}
"""Client certificates, by the name of their files."""

NODE_ADDRESS = "10.250.0.1"
"""The one address of a real node, and of the API server beside it; exists in a namespace only."""

NODE_CLIENTS = {
    "kubelet": Identity("system:node:lab-node-1", ("system:nodes",)),
    "kube-proxy": Identity("system:kube-proxy"),
    "coredns": Identity("labgrader:coredns", ("system:masters",)),
    "metrics-server": Identity("labgrader:metrics-server", ("system:masters",)),
    "storage": Identity("labgrader:storage", ("system:masters",)),
    "apiserver-to-kubelet": Identity("labgrader:kube-apiserver", ("system:masters",)),
}
"""More client certificates, for clusters with a real node."""

FRONT_PROXY = "labgrader:front-proxy"
"""Whom the API server says it is to servers behind it, such as metrics-server."""

_SERVICE = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")

SERVERS: dict[str, tuple[str, ...]] = {
    "apiserver": ("localhost", *_SERVICE, "kubernetes.default.svc.cluster.local",
                  "127.0.0.1", "::1", SERVICE_ADDRESS, NODE_ADDRESS),
    "kubelet-serving": ("lab-node-1", NODE_ADDRESS),
    "metrics-serving": ("metrics-server.kube-system.svc", NODE_ADDRESS),
}  # fmt: skip
"""Serving certificates: the names and addresses that each one is good for."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, in PEM."""

    certificate: Path
    key: Path


class Pki:
    """The files below one folder. ``ensure`` makes what is missing, broken or near its end."""

    def __init__(self, folder: Path, now: Callable[[], datetime] | None = None) -> None:
        self.folder = folder
        self._now = now or (lambda: datetime.now(UTC))

    def pair(self, name: str) -> Pair:
        """Return the paths of a pair: an authority, or a key of ``CLIENTS`` or ``SERVERS``."""
        return Pair(self.folder / f"{name}.crt", self.folder / f"{name}.key")

    @property
    def service_account_key(self) -> Path:
        """The key that signs service account tokens; never renewed, or they would all be void."""
        return self.folder / "service-account.key"

    @property
    def service_account_public_key(self) -> Path:
        """The key that verifies service account tokens."""
        return self.folder / "service-account.pub"

    def ensure(self, *, real_nodes: bool = False) -> bool:
        """See that all files are there and good for 30 days more; return whether any was made."""
        made = self._ensure_service_account()
        clients = {**CLIENTS, **(NODE_CLIENTS if real_nodes else {})}
        servers = SERVERS if real_nodes else ("apiserver",)
        wanted = {**{name: Identity(name) for name in servers}, **clients}
        made = self._ensure_signed("ca", wanted) or made
        if real_nodes:
            # An authority of its own: who holds its certificates may speak for anybody.
            made = self._ensure_signed("front-ca", {"front-proxy": Identity(FRONT_PROXY)}) or made
        return made

    def _ensure_signed(self, issuer: str, wanted: Mapping[str, Identity]) -> bool:
        authority = self._authority(issuer)
        made = authority is None
        certificate, key = authority or self._make_authority(issuer)
        for name, identity in wanted.items():
            if not self._good(self.pair(name), certificate):
                self._make_leaf(name, identity, certificate, key)
                made = True
        return made

    def _ensure_service_account(self) -> bool:
        try:
            key = _load_key(self.service_account_key)
        except (OSError, ValueError):
            key = ec.generate_private_key(ec.SECP256R1())
        written = write_private(self.service_account_key, _key_pem(key))
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return write_private(self.service_account_public_key, public) or written

    def _authority(self, issuer: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None:
        pair = self.pair(issuer)
        try:
            certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
            key = _load_key(pair.key)
        except (OSError, ValueError):
            return None
        if key.public_key() != certificate.public_key() or not self._timely(certificate):
            return None
        return certificate, key

    def _timely(self, certificate: x509.Certificate) -> bool:
        now = self._now()
        return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - _RENEW

    def _good(self, pair: Pair, authority: x509.Certificate) -> bool:
        try:
            certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
            certificate.verify_directly_issued_by(authority)
            key = _load_key(pair.key)
        except (OSError, ValueError, TypeError, InvalidSignature):
            return False
        return key.public_key() == certificate.public_key() and self._timely(certificate)

    def _make_authority(self, issuer: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key = ec.generate_private_key(ec.SECP256R1())
        # A serial in the name: a client that still trusts an older authority says so clearly.
        name = _name(Identity(f"labgrader-{issuer}-{x509.random_serial_number() % 10**8}"))
        builder = (
            self._builder(name, key, _LIFE["ca"])
            .issuer_name(name)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
        )
        certificate = builder.sign(key, hashes.SHA256())
        self._write(issuer, certificate, key)
        return certificate, key

    def _make_leaf(
        self,
        name: str,
        identity: Identity,
        authority: x509.Certificate,
        signer: ec.EllipticCurvePrivateKey,
    ) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        serves = SERVERS.get(name)
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if serves else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = (
            self._builder(_name(identity), key, _LIFE["leaf"])
            .issuer_name(authority.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
                critical=False,
            )
        )
        if serves:
            builder = builder.add_extension(_server_names(serves), critical=False)
        self._write(name, builder.sign(signer, hashes.SHA256()), key)

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, life: timedelta
    ) -> x509.CertificateBuilder:
        now = self._now()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _BACKDATE)
            .not_valid_after(now + life)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        )

    def _write(
        self, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
    ) -> None:
        pair = self.pair(name)
        write_private(pair.key, _key_pem(key))
        write_private(pair.certificate, certificate.public_bytes(serialization.Encoding.PEM))


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path} is not an elliptic-curve key")  # noqa: TRY004 - a bad value in a file
    return key


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _name(identity: Identity) -> x509.Name:
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in identity.groups]
    return x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, identity.user)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _server_names(names: Iterable[str]) -> x509.SubjectAlternativeName:
    found: list[x509.GeneralName] = []
    for name in names:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return x509.SubjectAlternativeName(found)
