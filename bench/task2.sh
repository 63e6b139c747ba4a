#!/usr/bin/env bash
# Asks the questions of task 2 the way other graders do: bash, one kubectl call for each question,
# grep and jsonpath. Used by bench/run.py for comparison; nobody is graded by this.
#
#   KUBECTL=…/kubectl KUBECONFIG=… bench/task2.sh QUESTIONS
#
# QUESTIONS is a file that bench/run.py makes from tasks/task2-rbac.yaml. Each line is
# "yes|no VERB RESOURCE SUBRESOURCE NAMESPACE", with - for none: what `kubectl auth can-i` must say.
set -uo pipefail

NAMESPACE=trading-platform
ACCOUNT=trading-operator
AS="system:serviceaccount:$NAMESPACE:$ACCOUNT"
calls=0
failed=0

# expect TITLE WANTED ACTUAL
expect() {
  if [[ "$3" != "$2" ]]; then
    failed=$((failed + 1))
    echo "FAILED: $1: $3 instead of $2"
  fi
}

# see TITLE KUBECTL-ARGUMENTS…: it is there
see() {
  local title=$1
  shift
  calls=$((calls + 1))
  if ! "$KUBECTL" "$@" >/dev/null 2>&1; then
    failed=$((failed + 1))
    echo "FAILED: $title does not exist"
  fi
}

# field WANTED KIND NAME JSONPATH [NAMESPACE]
field() {
  calls=$((calls + 1))
  expect "$2 $3 $4" "$1" \
    "$("$KUBECTL" get "$2" "$3" ${5:+-n "$5"} -o "jsonpath=$4" 2>/dev/null)"
}

# The account
see "ServiceAccount $ACCOUNT" get serviceaccount "$ACCOUNT" -n "$NAMESPACE"
calls=$((calls + 1))
description=$("$KUBECTL" get serviceaccount "$ACCOUNT" -n "$NAMESPACE" \
  -o 'jsonpath={.metadata.annotations.description}' 2>/dev/null)
expect "description" yes "$([[ -n "$description" ]] && echo yes || echo no)"
calls=$((calls + 1))
token=$("$KUBECTL" get serviceaccount "$ACCOUNT" -n "$NAMESPACE" \
  -o 'jsonpath={.automountServiceAccountToken}' 2>/dev/null)
expect "token" yes "$([[ "$token" != false ]] && echo yes || echo no)"

# Roles and bindings
role=trading-operator-manager
binding=trading-operator-manager-binding
see "ClusterRole $role" get clusterrole "$role"
field ClusterRole clusterrolebinding "$binding" '{.roleRef.kind}'
field "$role" clusterrolebinding "$binding" '{.roleRef.name}'
field "ServiceAccount/$NAMESPACE/$ACCOUNT" clusterrolebinding "$binding" \
  '{.subjects[0].kind}/{.subjects[0].namespace}/{.subjects[0].name}'
leader=trading-operator-leader-election
see "Role $leader" get role "$leader" -n "$NAMESPACE"
field Role rolebinding "$leader" '{.roleRef.kind}' "$NAMESPACE"
field "$leader" rolebinding "$leader" '{.roleRef.name}' "$NAMESPACE"
field "ServiceAccount/$NAMESPACE/$ACCOUNT" rolebinding "$leader" \
  '{.subjects[0].kind}/{.subjects[0].namespace}/{.subjects[0].name}' "$NAMESPACE"

# No wildcard anywhere in what the account may do
calls=$((calls + 2))
"$KUBECTL" get clusterrole "$role" -o yaml 2>/dev/null | grep -q "'\*'" \
  && expect "wildcards in the ClusterRole" none some
"$KUBECTL" auth can-i --list -n "$NAMESPACE" --as="$AS" 2>/dev/null | grep -q '^\*\.\*' \
  && expect "wildcards in what is permitted" none some

# What it needs, and what it must not have
while read -r wanted verb resource subresource namespace; do
  arguments=(auth can-i "$verb" "$resource" "--as=$AS")
  [[ "$subresource" != - ]] && arguments+=("--subresource=$subresource")
  [[ "$namespace" != - ]] && arguments+=(-n "$namespace")
  calls=$((calls + 1))
  expect "$verb $resource $subresource" "$wanted" "$("$KUBECTL" "${arguments[@]}" 2>/dev/null)"
done <"$1"

echo "$calls kubectl calls, $failed questions failed"
[[ "$failed" == 0 ]]
