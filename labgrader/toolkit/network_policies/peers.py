"""The two ends of a connection, and questions about them. Pure data.

None of these needs to exist in a cluster: a check can make up a Pod with the labels it wants to ask
about. A Service is no end of a connection: ask about the Pods behind it, on the target port.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address, ip_address

from labgrader.kube.resources import Object, dig, name_of

NAME_LABEL = "kubernetes.io/metadata.name"
"""The label that the API server sets on each Namespace: its name. It cannot be changed."""

PROTOCOLS = ("TCP", "UDP", "SCTP")
"""The protocols that NetworkPolicies are defined for."""

IP = IPv4Address | IPv6Address


def parse_ip(address: str) -> IP:
    """Return an IP address; an IPv4 address written as IPv6 (``::ffff:…``) is the IPv4 address.

    Raises:
        ValueError: it is not an IP address.
    """
    parsed = ip_address(address)
    return parsed.ipv4_mapped or parsed if isinstance(parsed, IPv6Address) else parsed


@dataclass(frozen=True, slots=True)
class ContainerPort:
    """A named port of a container. ``sidecar``: of an init container that keeps running."""

    name: str
    number: int
    protocol: str = "TCP"
    sidecar: bool = False


@dataclass(frozen=True, slots=True)
class Pod:
    """A Pod, real or made up.

    Args:
        namespace: the name of its namespace.
        labels: its own labels; ``namespace_labels`` those of its namespace. The label with the
            namespace's name is added, as the API server does.
        name: names it in answers, and tells whether two Pods of a namespace are the same one. Two
            Pods without a name are different Pods.
        ports: its named container ports. Unnamed ones do not matter to NetworkPolicies.
        addresses: its IP addresses; empty: not known. Of a Pod with ``host_network``: its node's.
        node: the name of its node; empty: not known.
    """

    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    ports: tuple[ContainerPort, ...] = ()
    host_network: bool = False
    addresses: tuple[str, ...] = ()
    node: str = ""

    def __post_init__(self) -> None:
        """Add the label with the namespace's name.

        Raises:
            ValueError: an address is not an IP address.
        """
        labels = {**self.namespace_labels, NAME_LABEL: self.namespace}
        object.__setattr__(self, "namespace_labels", labels)
        for address in self.addresses:
            parse_ip(address)

    @classmethod
    def of(cls, pod: Object, namespace: Object) -> Pod:
        """Return the Pod that two objects of the API describe: a Pod and its Namespace."""
        return cls(
            namespace=str(dig(pod, "metadata.namespace") or name_of(namespace)),
            labels=dig(pod, "metadata.labels") or {},
            namespace_labels=dig(namespace, "metadata.labels") or {},
            name=name_of(pod),
            ports=tuple(_ports(pod)),
            host_network=bool(dig(pod, "spec.hostNetwork")),
            addresses=_addresses(pod),
            node=str(dig(pod, "spec.nodeName") or ""),
        )

    def is_same(self, other: Endpoint) -> bool:
        """Whether ``other`` is this very Pod."""
        if self is other:
            return True
        if not isinstance(other, Pod) or not self.name:
            return False
        return (self.namespace, self.name) == (other.namespace, other.name)

    def as_node(self) -> Node:
        """Return its node, as which plugins may see a Pod with ``host_network``."""
        return Node(self.node, self.addresses)

    def __str__(self) -> str:
        """``shop/web``; a Pod without a name by its labels: ``shop/(app=web)``."""
        labels = ",".join(f"{key}={value}" for key, value in sorted(self.labels.items()))
        return f"{self.namespace}/{self.name or '(' + (labels or 'no labels') + ')'}"


@dataclass(frozen=True, slots=True)
class Node:
    """A node, and what runs on it outside of Pods (the kubelet).

    Args:
        name: empty: not known. ``addresses``: its IP addresses as Pods see them; empty: not known.
    """

    name: str = ""
    addresses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the addresses.

        Raises:
            ValueError: an address is not an IP address.
        """
        for address in self.addresses:
            parse_ip(address)

    def __str__(self) -> str:
        """``node worker-1``."""
        return f"node {self.name}" if self.name else "a node"


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address outside of the cluster, as it arrives at the Pod (after address translation).

    Raises:
        ValueError: it is not an IP address.
    """

    ip: str

    def __post_init__(self) -> None:
        """Check the address."""
        parse_ip(self.ip)

    def __str__(self) -> str:
        """``192.0.2.7``."""
        return self.ip


Endpoint = Pod | Node | Address


@dataclass(frozen=True, slots=True)
class Question:
    """May ``source`` open a connection to ``destination`` on this port? Replies always pass.

    Args:
        port: a number from 1 to 65535, of the destination's Pod (not of a Service).
        protocol: TCP, UDP or SCTP; for others, NetworkPolicies are not defined.

    Raises:
        ValueError: a port or protocol that does not exist.
    """

    source: Endpoint
    destination: Endpoint
    port: int
    protocol: str = "TCP"

    def __post_init__(self) -> None:
        """Check port and protocol."""
        if not 1 <= self.port <= 65535:
            raise ValueError(f"{self.port} is not a port number (1 to 65535)")
        if self.protocol not in PROTOCOLS:
            raise ValueError(f"protocol {self.protocol!r} is not one of {', '.join(PROTOCOLS)}")

    def with_host_network_as_nodes(self) -> Question:
        """Return the same question with each Pod in the host network replaced by its node."""
        return replace(self, source=_seen(self.source), destination=_seen(self.destination))

    def __str__(self) -> str:
        """``shop/web to gateway/envoy on TCP 8080``."""
        return f"{self.source} to {self.destination} on {self.protocol} {self.port}"


def _seen(end: Endpoint) -> Endpoint:
    return end.as_node() if isinstance(end, Pod) and end.host_network else end


def _ports(pod: Object) -> list[ContainerPort]:
    """Return the named ports of containers, and of init containers that keep running."""
    inits = dig(pod, "spec.initContainers") or ()
    sidecars = [one for one in inits if one.get("restartPolicy") == "Always"]
    containers = [(one, False) for one in dig(pod, "spec.containers") or ()]
    return [
        ContainerPort(port["name"], port["containerPort"], port.get("protocol") or "TCP", sidecar)
        for container, sidecar in [*containers, *((one, True) for one in sidecars)]
        for port in container.get("ports") or ()
        if port.get("name")
    ]


def _addresses(pod: Object) -> tuple[str, ...]:
    """Return all addresses from the status; ``podIPs`` holds ``podIP`` too."""
    listed = [one.get("ip") for one in dig(pod, "status.podIPs") or ()]
    return tuple(str(ip) for ip in listed or [dig(pod, "status.podIP")] if ip)
