"""The one auth provider that kubectl still has, ``oidc``, by ``kubernetes.config``.

That package takes ten times as long to import as a grading needs otherwise, so that it is imported
only here (docs/adr/0004-client.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from labgrader.kube.kubeconfig_file import KubeconfigEntry


def headers_of(user: KubeconfigEntry, context: str) -> Callable[[], Sequence[tuple[str, str]]]:
    """Return the headers of an OpenID Connect login; the file itself is not changed.

    Raises:
        UsageError: it is another provider.
        Forbidden: no token came out.
    """
    name = user.mapping("auth-provider").get("name")
    if name != "oidc":
        raise user.refused(
            f"the auth-provider {name!r} is not supported, as in kubectl since 1.26",
            "Use an exec plug-in: run your provider's login for a fresh kubeconfig",
        )
    from kubernetes import config
    from kubernetes.client import Configuration

    settings = Configuration()
    try:
        config.load_kube_config(str(user.file), context, settings, persist_config=False)
    except Exception as error:  # a library's: it raises KeyError and worse on odd input
        raise user.no_credentials(" ".join(str(error).split())[:200]) from error
    token = settings.get_api_key_with_prefix("BearerToken", alias="authorization")
    if not token:
        raise user.no_credentials("the login has no valid token")
    return lambda: [("Authorization", token)]
