"""The operator's Service, asked from inside the cluster, by its name."""

import secrets
from collections.abc import Iterator, Mapping, Sequence

from labgrader.api import (
    ENDPOINT_SLICE,
    SERVICE,
    Context,
    Evidence,
    Fact,
    MissingCapability,
    Object,
    Unsettled,
    check,
    fact,
)
from labgrader.toolkit.jobs import Ran, run_pod
from labgrader.toolkit.prometheus.exposition import series_of

IMAGE = "labgrader/curl:1.0"
SMALL = {"cpu": "100m", "memory": "128Mi"}
"""A quota may demand that a pod says what it needs."""

SECONDS = 30.0
MOST_BYTES = 2_000_000
# Asked again for a moment: a node's rules for a Service follow its endpoints a little later. What a
# server answers need not end its last line, so each mark begins a line of its own.
SCRIPT = r"""
mark=$1; shift
for url in "$@"; do
  printf '\n%s%s\n' "$mark" "$url"
  curl -fsS --max-time 5 --retry 2 --retry-delay 1 --retry-all-errors --retry-max-time 8 "$url" 2>&1
  printf '\n%sended with %s\n' "$mark" "$?"
done
"""


@check(capabilities=("containers", "writes"), seconds=45)
def reached_by_name(
    ctx: Context, service: str, asked: Sequence[Mapping[str, str]]
) -> Iterator[Fact]:
    """Starts a small pod in the lab's namespace, which asks by the Service's name, and is removed.

    The name must be found, something must listen there, and the answer must be 200, with or without
    a line break at its end; the metrics must be a page that Prometheus can read. The pod has no
    token and no permissions.
    """
    # What the answer rests on besides: without these a live grading would not ask again.
    ctx.get(SERVICE, service, ctx.namespace)
    ctx.list(ENDPOINT_SLICE, ctx.namespace)
    host = f"{service}.{ctx.namespace}"
    urls = [f"http://{host}:{one['port']}{one['path']}" for one in asked]
    mark = f"@@labgrader {secrets.token_hex(8)} "  # no page can hold it
    ran = run_pod(ctx, _asker([mark, *urls]), SECONDS, MOST_BYTES)
    answers = _answers(ran, mark)
    if not answers and "Image" in ran.why:
        raise MissingCapability(
            f"The image {IMAGE} is not on this cluster's nodes", "`labgrader image load` brings it"
        )
    if not answers:
        raise Unsettled(f"Nothing could be asked from inside the cluster: {ran.why or 'no word'}")
    for one, url in zip(asked, urls, strict=True):
        code, text = answers.get(
            url, ("", "more than 2 MB were answered before" if answers else "")
        )
        why = _fault(code, text, figures=one.get("expect") == "figures")
        yield fact(
            f"{one['path']} answers by name",
            not why,
            reason=f"{url}: {why}",
            expected="an answer with status 200",
            actual=why or "an answer",
            fix=f"kubectl get endpointslices -n {ctx.namespace} -l"
            f" kubernetes.io/service-name={service} shows where the name leads",
            evidence=[Evidence(SERVICE.describe(service, ctx.namespace), url, why or "answered")],
        )


def _asker(arguments: Sequence[str]) -> Object:
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "asker",
                "image": IMAGE,
                "command": ["sh", "-c", SCRIPT, "sh", *arguments],
                "resources": {"requests": SMALL, "limits": SMALL},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    }


def _answers(ran: Ran, mark: str) -> dict[str, tuple[str, str]]:
    """Return by URL how curl ended, and what was answered."""
    found: dict[str, tuple[str, str]] = {}
    url, text = "", ""
    for line in ran.log.split("\n"):
        if line.startswith(f"{mark}ended with "):
            found[url] = (line.rpartition(" ")[2], text)
        elif line.startswith(mark):
            url, text = line.removeprefix(mark), ""
        else:
            text += f"{line}\n"
    return found


def _fault(code: str, text: str, *, figures: bool) -> str:
    """Say what is wrong with an answer; empty where nothing is."""
    if code != "0":
        said = [line for line in text.splitlines() if line.strip()]
        return said[-1].strip()[:200] if said else "no answer"
    if not figures:
        return ""
    try:
        return "" if series_of(text) else "a page without figures"
    except ValueError as error:
        return f"no page of figures ({str(error)[:100]})"
