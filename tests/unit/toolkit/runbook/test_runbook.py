"""A runbook's commands: found where people write them, and never run when they change something."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Sequence

import pytest

from labgrader.kube.kubectl_command import Kind, plan
from labgrader.kube.protocols import Said
from labgrader.toolkit.runbook.amounts import rates_in, times_in
from labgrader.toolkit.runbook.parser import MAX_CHARACTERS, STANDS_FOR, Runbook
from labgrader.toolkit.runbook.runner import Rehearsal, chosen_namespace

READING = {"get", "describe", "logs", "log", "top", "explain", "events", "rollout", "auth"}


def words(text: str) -> list[tuple[str, ...]]:
    return [command.words for command in Runbook.of(text).commands]


@pytest.mark.parametrize(
    "text",
    [
        "```bash\nkubectl get pods -n x\n```",
        "```\n$ kubectl get pods -n x   # all of them\n```",
        "```sh\nkubectl get pods \\\n  -n x\n```",
        "    kubectl get pods -n x | grep Running",
        "1. Look: kubectl get pods -n x",
        "Look at `kubectl get pods -n x` first.",
        "- kubectl get pods -n x 2>/dev/null",
        "| what | how |\n|---|---|\n| pods | `kubectl get pods -n x` |",
        "> watch out: kubectl get pods -n x",
        "```console\n$ kubectl get pods -n x > /tmp/pods; true\n```",
    ],
)
def test_a_command_is_found_wherever_it_stands(text: str) -> None:
    assert words(text) == [("get", "pods", "-n", "x")]


@pytest.mark.parametrize(
    "text",
    [
        "Use kubectl to look at pods",
        "```yaml\ncommand: kubectl get pods\n```",
        "```bash\n# kubectl get pods is for later\n```",
        "kubectl",
        "```bash\nkubectl get pods -o name | xargs kubectl delete\n```\n`kubectly get`",
    ],
)
def test_prose_and_other_programs_are_no_commands(text: str) -> None:
    assert words(text) in ([], [("get", "pods", "-o", "name")])


def test_a_quote_that_never_ends_is_read_as_far_as_it_goes() -> None:
    assert words("```\nkubectl get pods # the operator's\n```")[0][:2] == ("get", "pods")


DESTRUCTIVE = [
    "delete namespace trading-platform",
    "delete tradingalgorithms --all -n trading-platform",
    "delete pods --all --all-namespaces --force --grace-period=0",
    "patch crd x --type=merge -p '{}'",
    "scale deployment x --replicas=0",
    "scale --replicas=0 deployment/x",
    "drain lab-node-1 --ignore-daemonsets",
    "rollout restart deployment/x",
    "rollout undo deployment/x",
    "exec x -- rm -rf /",
    "exec -it deployment/x -- get pods",
    "apply -f evil.yaml",
    "create namespace x",
    "run x --image=x",
    "edit configmap x",
    "annotate pod x a=b --overwrite",
    "label pod x a=b --context production",
    "create job x --from=cronjob/y --as=admin",
    "set image deployment/x a=b -o go-template-file=/etc/passwd --kubeconfig=/x",
    "create some-plugin x",
    "label node x a-",
    "set image deployment/x a=b",
    "auth reconcile -f x",
    "config set-context --current --namespace=x",
    "cp x:/a /b",
    "certificate approve x",
    "debug x --image=x",
    "taint nodes x a=b:NoSchedule",
    "replace --force -f x",
    "-n x delete pod get",
    "cluster-info dump --output-directory=/tmp/x",
    "get --raw /apis/x",
    "get pods --kubeconfig=/somebody/else",
    "get pods --context production",
    "get pods --as=admin",
    "get pods -s https://somewhere.else",
    "kustomize /etc",
    "proxy --port=8001",
    "port-forward svc/x 8080:80",
    "attach x",
    "expose deployment x --port=80",
    "autoscale deployment x --max=3",
    "wait --for=delete pod/x",
    "some-plugin delete everything",
    "get pods -shttps://somewhere.else",
    "-shttps://somewhere.else get pods",
    "get pods -wshttps://somewhere.else",
    "logs x -fshttps://somewhere.else",
    "get -fhttps://somewhere.else/x.yaml",
    "get -Rf/etc",
    "describe -k/etc",
    "get pods -o go-template-file=/etc/passwd",
    "get pods -ojsonpath-file=/etc/passwd",
    "get pods --output=custom-columns-file=/etc/passwd",
]


@pytest.mark.parametrize("line", DESTRUCTIVE)
def test_nothing_but_reads_of_this_cluster_is_ever_run(line: str) -> None:
    ran: list[Sequence[str]] = []

    def run(arguments: Sequence[str]) -> Said:
        ran.append(arguments)
        return Said(0, "pod/x\n", "")

    (command,) = Runbook.of(f"```bash\nkubectl {line}\n```").commands
    Rehearsal(run, "trading-platform").attempt(command)
    assert plan(command.words).kind is not Kind.READ
    for arguments in ran:
        changes_nothing = arguments[-1] in ("--help", "--dry-run=client")
        assert "--" not in arguments
        assert changes_nothing or arguments[0] == "get"
        lead_away = {"--raw", "--force", "-f", "--as=admin", "--context"}
        assert arguments[-1] == "--help" or not lead_away & set(arguments)


@pytest.mark.parametrize(
    ("line", "run"),
    [
        ("get pods -w -n x", "get pods -n x"),
        ("logs -f deployment/x -n x", "logs deployment/x -n x --tail=1"),
        ("logs -n x -l app=y --follow --tail 50", "logs -n x -l app=y --tail 50 --tail=1"),
        ("rollout status deploy/x -n x", "rollout status deploy/x -n x --watch=false"),
        ("get pods -v 9 -n x", "get pods -n x"),
        ("get pods -v=9 -nx -owide", "get pods -n x -o wide"),
        ("get pods -wn=x -l=a=b", "get pods -n x -l a=b"),
        ("logs -fpn x deployment/x", "logs -p -n x deployment/x --tail=1"),
    ],
)
def test_what_is_run_comes_to_an_end(line: str, run: str) -> None:
    assert plan(shlex.split(line)).arguments == tuple(run.split())


def test_a_placeholder_becomes_the_name_of_something_that_is_there() -> None:
    ran: list[str] = []

    def run(arguments: Sequence[str]) -> Said:
        ran.append(" ".join(arguments))
        names = "tradingalgorithm.fintech.io/first\ntradingalgorithm.fintech.io/second\n"
        return Said(0, names, "")

    (command,) = Runbook.of("`kubectl get algo <the name> -n <namespace> -o yaml`").commands
    assert STANDS_FOR in command.words
    assert Rehearsal(run, "trading-platform").attempt(command).works
    assert ran[-1] == "get algo first -n trading-platform -o yaml"


def test_without_anything_to_put_there_it_is_not_tried() -> None:
    (command,) = Runbook.of("`kubectl get algo <name> -n x`").commands
    tried = Rehearsal(lambda _: Said(0, "", "No resources found"), "x").attempt(command)
    assert tried.works is None


def test_logs_are_looked_up_where_no_container_runs() -> None:
    ran: list[str] = []

    def run(arguments: Sequence[str]) -> Said:
        ran.append(" ".join(arguments))
        return Said(0, "", "No resources found in x namespace.")

    (command,) = Runbook.of("`kubectl logs -n x -l app=nobody`").commands
    assert Rehearsal(run, "x", containers=False).attempt(command).works is False
    assert ran[0] == "get pods -n x -l app=nobody -o name"


@pytest.mark.parametrize(("sets", "works"), [("replicaset.apps/x\n", True), ("", False)])
def test_a_selector_that_fits_what_would_be_made_is_right(sets: str, works: bool) -> None:
    ran: list[str] = []

    def run(arguments: Sequence[str]) -> Said:
        ran.append(" ".join(arguments))
        if "replicasets" in arguments:
            return Said(0, sets, "")
        return Said(0, "", "No resources found in x namespace.")

    (command,) = Runbook.of("`kubectl describe pods -n x -l app=y`").commands
    assert Rehearsal(run, "x").attempt(command).works is works
    assert "get replicasets -n x -l app=y -o name" in ran


@pytest.mark.parametrize("answer", ["yes", "no", 'no - RBAC: role "x" not found'])
def test_no_is_an_answer(answer: str) -> None:
    (command,) = Runbook.of("`kubectl auth can-i get pods -n x --as=me`").commands
    code = 0 if answer == "yes" else 1
    assert Rehearsal(lambda _: Said(code, f"{answer}\n", ""), "x").attempt(command).works
    failed = Said(1, "", "error: unknown flag")
    assert Rehearsal(lambda _: failed, "x").attempt(command).works is False


def test_a_runbook_may_choose_the_namespace() -> None:
    all_sessions = Runbook.of("`kubectl config set-context --current --namespace trading-platform`")
    assert chosen_namespace(all_sessions.commands) == "trading-platform"
    assert chosen_namespace([]) == "default"


@pytest.mark.parametrize(
    "text",
    [
        "> " * 5_000 + "x",
        "- " * 5_000 + "x",
        "[" * 50_000,
        "*a_" * 30_000,
        "`" * 100_001,
        "\0\x1b[",
    ],
)
def test_a_text_made_to_hang_does_not(text: str) -> None:
    assert Runbook.of(text * 3).commands == []


def test_only_so_much_is_read() -> None:
    all_sessions = Runbook.of("x\n\n" * MAX_CHARACTERS)
    assert sum(len(one) for one in all_sessions.sections[0].lines) <= MAX_CHARACTERS


HOSTILE = """
import sys
from pathlib import Path
from labgrader.toolkit.runbook.amounts import queries_in, rates_in, times_in
from labgrader.toolkit.backup_names import formats_in, names_date, uses_date
from labgrader.content.check_files import load_checks
from labgrader.toolkit.scripts import Script
from labgrader.toolkit.runbook.parser import MAX_CHARACTERS, Runbook
from labgrader.paths import content_root

load_checks(content_root() / "checks").by_id()
checks = (sys.modules[f"labgrader_labs.lab.checks.{name}"] for name in ("runbook", "backup_job"))
runbook, backup = checks
parts = ("1", "1 per ", "[", "_a_", "kubectl ", "a_", "> ", "|a", "1. ", "rate(", "1 a ", "rate a ")
for part in parts:
    text = part * (MAX_CHARACTERS // len(part))
    for line in Runbook.of(text).sections[0].lines:
        for read in (times_in, rates_in, queries_in, runbook._FIGURE.findall):
            read(line)
backup._eaten("$ " + "cd " * 300_000)
for part in ("a=", "$(", "$(date ", "a=$(", "date ", "a() {", "> ", "'", "%-", "a=$b ", "1-"):
    text = part * (200_000 // len(part))
    uses_date(text), formats_in(text), Script("", text).writes, names_date(text[:4000], 0)
print("read")
"""


def test_texts_that_mean_harm_are_read_to_their_end() -> None:
    """Patterns that try everything from everywhere would take hours: a process can be ended."""
    command = [sys.executable, "-c", HOSTILE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout == "read\n", done.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("export NS=x\nkubectl get pods -n $NS", ("get", "pods", "-n", "x")),
        ('NS="x"; kubectl get pods -n "${NS}"', ("get", "pods", "-n", "x")),
        ("alias k='kubectl -n x'\nk get pods", ("-n", "x", "get", "pods")),
        ('K="kubectl -n x"\n$K get pods', ("-n", "x", "get", "pods")),
        ("kubectl get pods -n ${NS:-x}", ("get", "pods", "-n", "x")),
        ("kubectl patch x -p '\n{}'", ("patch", "x", "-p", "\n{}")),
        ("kubectl get x -o jsonpath='{$.a}' 2>&1 >/dev/null", ("get", "x", "-o", "jsonpath={$.a}")),
        ("cat <<EOF\nit's kubectl get a\nEOF\nkubectl get b", ("get", "b")),
        ("$ kubectl get b \\\n  -n x\nNAME   it's", ("get", "b", "-n", "x")),
    ],
)
def test_a_shell_is_followed(text: str, expected: tuple[str, ...]) -> None:
    (command,) = Runbook.of(f"```bash\n{text}\n```").commands
    assert (command.words, command.broken, command.substitutes) == (expected, "", False)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("kubectl get pods -n $NS", "`$NS` is not set"),
        ("NS=x kubectl get pods -n $NS", "`$NS` is not set"),
        ("kubectl get pods -o jsonpath='{.a}", "a quote is never closed"),
        ('kubectl patch x -p "{\n', "a quote is never closed"),
        ("k get pods", "`k` is not defined"),
    ],
)
def test_what_a_shell_would_not_do(text: str, why: str) -> None:
    command = Runbook.of(f"```bash\n{text}\n```").commands[0]
    assert why in command.broken


def test_what_is_set_above_holds_below_and_what_a_loop_sets_is_not_known() -> None:
    text = "Type `export NS=x` first.\n\n## A\n\n    for p in a b; do kubectl get $p -n $NS; done\n"
    (command,) = Runbook.of(text).commands
    assert (command.words[2:], command.substitutes, command.broken) == (("-n", "x"), True, "")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("""patch ta x --type=merge -p '{"a": {}'""", "not valid JSON"),
        ("patch ta x --type=merge -p '[]'", "not a JSON object"),
        ("patch ta x --type=json -p '{}'", "a list of operations"),
        ("""patch ta x --type=json -p '[{"op": "drop", "path": "/a"}]'""", "has no op"),
        ("""patch ta x --type=json -p '[{"op": "add", "path": "/a"}]'""", "has no value"),
        ("patch ta x --type=apply -p '{}'", "is not one of"),
        ("patch ta x --type=merge", "needs -p"),
        ("scale deployment x --replicas=many", "needs --replicas"),
        ("wait pod/x", "needs --for"),
        ("rollout reboot deployment/x", "has no command `reboot`"),
        ("rollout restart pod/x", "is for Deployments"),
        ("exec -it pod/x", "needs --"),
        ("port-forward svc/x", "needs a port"),
        ("top deployments", "has no command `deployments`"),
    ],
)
def test_a_call_that_is_wrong_by_itself(line: str, why: str) -> None:
    assert why in plan(shlex.split(line)).fault


@pytest.mark.parametrize(
    ("line", "proof"),
    [
        ("patch ta x --type=merge -p '{}'", ""),
        ("patch ta x -p '{}'", "patch ta x -p {} --dry-run=client"),
        ("rollout restart deploy/x --tail=5", "rollout restart deploy/x --tail=5 --help"),
        ("exec -it x --shell -- sh -c y", "exec -i -t x --shell --help"),
        ("create job x --from=cronjob/y", "create job x --from=cronjob/y --dry-run=client"),
        ("logs x -n y --tail=5 -f", ""),
        ("top pods -n y --containers", ""),
        ("top pods -n y --tail=5", "top pods -n y --tail=5 --help"),
        ("get pods --tail=5", ""),  # it is run as it stands
    ],
)
def test_kubectl_is_asked_what_only_it_knows(line: str, proof: str) -> None:
    assert " ".join(plan(shlex.split(line)).proof) == proof


def test_a_namespace_that_does_not_exist_has_no_pods() -> None:
    def run(arguments: Sequence[str]) -> Said:
        lost = 'Error from server (NotFound): namespaces "y" not found'
        return Said(1, "", lost) if "namespace" in arguments else Said(0, "pod/x\n", "")

    (command,) = Runbook.of("    kubectl get pods -n y").commands
    tried = Rehearsal(run, "x").attempt(command)
    assert (tried.works, tried.why) == (False, "the namespace y does not exist")


@pytest.mark.parametrize("unit", ["`'\n", "$(\n", '"\n', "kubectl get $(\n", "a <<x\n"])
def test_a_book_of_open_quotes_is_read_in_time(unit: str) -> None:
    text = "```bash\n" + unit * (MAX_CHARACTERS // len(unit)) + "\n```"
    assert Runbook.of(text).sections


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("more than 0.1 errors a second", 0.1),
        ("6 per minute", 0.1),
        ("6 errors/min", 0.1),
        ("30 errors in 5 minutes", 0.1),
        ("one error every ten seconds", 0.1),
        ("error rate > 0.1", 0.1),
        ("0.1 failures each second", 0.1),
        ("360 an hour", 0.1),
        ("Reconcile errors > 5/min", 5 / 60),
        ("errors per minute > 6", 0.1),
        ("| errors per second | 0.1 |", 0.1),
        ("0.1 errors per-second", 0.1),
    ],
)
def test_rates_as_people_write_them(text: str, rate: float) -> None:
    (found,) = rates_in(text)
    assert found.value == pytest.approx(rate)
    assert times_in(text) == []


def test_what_cannot_be_scaled_has_no_scale() -> None:
    assert "--subresource=scale" in plan(shlex.split("scale ta x --replicas=1 -n y")).arguments
    assert "--subresource=scale" not in plan(shlex.split("scale deploy/x --replicas=1")).arguments


def test_times_as_people_write_them() -> None:
    assert times_in("for two minutes, 1m30s, 5m0s, 10-minute and 300s") == [90, 300, 120, 600, 300]
    assert times_in("rate(x[5m]) fires after 2m") == [120]
