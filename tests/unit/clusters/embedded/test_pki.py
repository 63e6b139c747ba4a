"""Certificates: made once, private, renewed before they end or when the clock says so."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from labgrader.clusters.embedded.pki import CLIENTS, Pki

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def _pki(folder, now=NOW):
    return Pki(folder, now=lambda: now)


def _certificate(pki, name):
    return x509.load_pem_x509_certificate(pki.pair(name).certificate.read_bytes())


def _serials(pki):
    return {name: _certificate(pki, name).serial_number for name in ("ca", "apiserver", *CLIENTS)}


def test_everything_is_made_once_and_private(tmp_path):
    assert _pki(tmp_path).ensure() is True
    before = _serials(_pki(tmp_path))
    assert _pki(tmp_path).ensure() is False
    assert _serials(_pki(tmp_path)) == before
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_the_serving_certificate_names_what_clients_dial(tmp_path):
    pki = _pki(tmp_path)
    pki.ensure()
    names = _certificate(pki, "apiserver").extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    dns = set(names.value.get_values_for_type(x509.DNSName))
    addresses = {str(ip) for ip in names.value.get_values_for_type(x509.IPAddress)}
    assert {"localhost", "kubernetes.default.svc"} <= dns
    assert {"127.0.0.1", "10.96.0.1"} <= addresses


def test_clients_carry_their_user_and_groups_and_verify(tmp_path):
    pki = _pki(tmp_path)
    pki.ensure()
    authority = _certificate(pki, "ca")
    for name, identity in CLIENTS.items():
        certificate = _certificate(pki, name)
        certificate.verify_directly_issued_by(authority)
        values = [attribute.value for attribute in certificate.subject]
        assert values == [*identity.groups, identity.user]


@pytest.mark.parametrize(
    "now",
    [NOW + timedelta(days=336), NOW - timedelta(days=2)],
    ids=["ends in 29 days", "clock was set back before it began"],
)
def test_leaves_are_renewed_in_time(tmp_path, now):
    _pki(tmp_path).ensure()
    before = _serials(_pki(tmp_path))
    assert _pki(tmp_path, now).ensure() is True
    after = _serials(_pki(tmp_path))
    assert all(after[name] != before[name] for name in ("apiserver", *CLIENTS))


def test_leaves_are_not_renewed_early(tmp_path):
    _pki(tmp_path).ensure()
    assert _pki(tmp_path, NOW + timedelta(days=334)).ensure() is False


def test_a_new_authority_renews_all_but_the_service_account_key(tmp_path):
    pki = _pki(tmp_path)
    pki.ensure()
    before, key = _serials(pki), pki.service_account_key.read_bytes()
    pki.pair("ca").certificate.write_text("garbage")
    assert pki.ensure() is True
    assert not set(before.values()) & set(_serials(pki).values())
    assert pki.service_account_key.read_bytes() == key, "tokens stay valid"


@pytest.mark.parametrize("name", ["apiserver.crt", "admin.key", "service-account.key"])
@pytest.mark.parametrize("content", [b"", b"garbage", None], ids=["empty", "garbage", "missing"])
def test_a_broken_file_is_made_again(tmp_path, name, content):
    pki = _pki(tmp_path)
    pki.ensure()
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    assert pki.ensure() is True
    assert b"BEGIN" in (tmp_path / name).read_bytes()
    assert pki.ensure() is False
