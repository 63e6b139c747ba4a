"""Credentials of a kubeconfig's user: request headers and a client certificate."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from labgrader.errors import Forbidden, UsageError
from labgrader.kube import exec_plugin
from labgrader.kube.kubeconfig_file import KubeconfigEntry

Headers = Sequence[tuple[str, str]]
"""Names and values; a name may come more than once."""

_TOKEN_CHARACTERS = frozenset(chr(code) for code in range(0x21, 0x7F))
_HEADER_NAME = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&'*+-.^_`|~"
)


@dataclass(frozen=True, slots=True)
class Login:
    """What proves who one is. ``certificate`` and ``key`` (PEM) come from a plug-in."""

    headers: Callable[[], Headers]
    certificate: bytes = b""
    key: bytes = b""


def of(
    user: KubeconfigEntry, cluster: KubeconfigEntry, context: str, tell: Callable[[str], None]
) -> Login:
    """Return the login of a user; runs its exec plug-in.

    Raises:
        UsageError: it asks for what is not supported, or a field is wrong.
        Forbidden: no credentials can be had.
    """
    acting = _impersonation(user)
    if user.value.get("exec") is not None:
        plugin = exec_plugin.Plugin.of(user, cluster, tell)
        found = plugin.credential()
        if found.certificate:
            return Login(lambda: acting, found.certificate, found.key)
        return Login(lambda: [_bearer(plugin.credential().token, user), *acting])
    if user.value.get("auth-provider") is not None:
        from labgrader.kube import auth_provider

        known = auth_provider.headers_of(user, context)
        return Login(lambda: [*known(), *acting])
    known = _own(user)
    return Login(lambda: [*known(), *acting])


def _own(user: KubeconfigEntry) -> Callable[[], Headers]:
    """Return the headers of a token or a password that stands in the user itself."""
    token = user.text("token")
    if user.text("tokenFile"):  # wins, as for kubectl; read each time: it is renewed

        def from_file() -> Headers:
            try:
                content = user.file_content("tokenFile").decode()
            except UsageError as error:
                raise Forbidden(error.message, "Log in again") from error
            except UnicodeDecodeError as error:
                raise user.refused(f"tokenFile {user.path('tokenFile')} holds no token") from error
            return [_bearer(content.strip(), user)]

        _probe(from_file)
        return from_file
    if token:
        fixed = [_bearer(token.strip(), user)]
        return lambda: fixed
    name = user.text("username")
    if name:
        pair = base64.b64encode(f"{name}:{user.text('password')}".encode()).decode()
        return lambda: [("Authorization", f"Basic {pair}")]
    return list


def _probe(headers: Callable[[], Headers]) -> None:
    """See before the first request that it is a token; a missing file may come yet."""
    try:
        headers()
    except Forbidden:
        return


def _bearer(token: str, user: KubeconfigEntry) -> tuple[str, str]:
    if not token or not _TOKEN_CHARACTERS.issuperset(token):
        raise user.refused("its token is empty, or holds characters that no token has")
    return ("Authorization", f"Bearer {token}")


def _impersonation(user: KubeconfigEntry) -> Headers:
    """Return the headers of ``as`` and its companions: on whose behalf requests are sent."""
    name, uid = user.text("as"), user.text("as-uid")
    groups = user.strings("as-groups")
    extra = user.mapping("as-user-extra")
    if not name:
        if uid or groups or extra:
            raise user.refused("as-uid, as-groups and as-user-extra need as")
        return []
    found = [("Impersonate-User", name)]
    if uid:
        found.append(("Impersonate-Uid", uid))
    found += [("Impersonate-Group", one) for one in groups]
    for key, values in extra.items():
        header, label = f"Impersonate-Extra-{_escaped(str(key))}", f"as-user-extra {key}"
        inner = KubeconfigEntry(user.name, {label: values}, user.file)
        found += [(header, one) for one in inner.strings(label)]
    return [(header, _value(user, value)) for header, value in found]


def _value(user: KubeconfigEntry, value: str) -> str:
    """Return a header's value; UTF-8 goes over the wire byte by byte."""
    if any(ord(one) < 0x20 or ord(one) == 0x7F for one in value):
        raise user.refused("as, as-groups or as-user-extra hold control characters")
    return value.encode().decode("latin-1")


def _escaped(key: str) -> str:
    """Return a key as a header's name may hold it."""
    return "".join(
        one if one in _HEADER_NAME else "".join(f"%{byte:02X}" for byte in one.encode())
        for one in key
    )
