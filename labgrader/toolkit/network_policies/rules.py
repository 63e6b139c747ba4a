"""Rules of a NetworkPolicy: the ports and the peers that they allow."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_network

from labgrader.toolkit.network_policies.fields import (
    Selector,
    UnreadableField,
    read_each,
    read_fields,
    read_list,
)
from labgrader.toolkit.network_policies.logic import Ternary, Unknown, all_of, any_of
from labgrader.toolkit.network_policies.peers import (
    PROTOCOLS,
    Address,
    Endpoint,
    Pod,
    Question,
    parse_ip,
)

Network = IPv4Network | IPv6Network

_PORT_NAME = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")
_CIDR = re.compile(r"[0-9A-Fa-f:.]+/[0-9]{1,3}")


@dataclass(frozen=True, slots=True)
class PortRule:
    """One item of ``ports``: a protocol, and a name, or numbers from ``first`` to ``last``."""

    protocol: str
    first: int = 1
    last: int = 65535
    name: str = ""

    def matches(self, question: Question) -> Ternary:
        """Whether it allows the question's port of the question's destination."""
        if question.protocol != self.protocol:
            return False
        if self.name:
            return self._resolves(question)
        return self.first <= question.port <= self.last

    def _resolves(self, question: Question) -> Ternary:
        """Whether the destination has a container port of this name, with the question's number."""
        if not isinstance(question.destination, Pod):
            return False
        ports = [
            port
            for port in question.destination.ports
            if (port.name, port.protocol) == (self.name, self.protocol)
        ]
        certain = {port.number for port in ports if not port.sidecar}
        if question.port not in {port.number for port in ports}:
            return False
        if certain == {question.port} and len({port.number for port in ports}) == 1:
            return True
        return Unknown(
            f"port {self.name} of {question.destination} is declared by several containers or"
            " by a sidecar alone: which number counts depends on the network plugin"
        )


@dataclass(frozen=True, slots=True)
class SelectorPeer:
    """An item of ``from`` or ``to`` with selectors; ``namespace`` None: the policy's own, ``own``.

    Both selectors have to match; ``pods`` None: all Pods of the selected namespaces.
    """

    own: str
    pods: Selector | None
    namespaces: Selector | None

    def matches(self, end: Endpoint) -> Ternary:
        """Whether it selects this end of the connection: never anything but a Pod."""
        if not isinstance(end, Pod):
            return False
        if self.namespaces is None and end.namespace != self.own:
            return False
        if self.namespaces is not None and not self.namespaces.matches(end.namespace_labels):
            return False
        return self.pods is None or self.pods.matches(end.labels)


@dataclass(frozen=True, slots=True)
class BlockPeer:
    """An ``ipBlock``: a range of addresses without the ranges in ``excepts``."""

    cidr: Network
    excepts: tuple[Network, ...]
    path: str

    def matches(self, end: Endpoint) -> Ternary:
        """Whether the end's addresses are in the block.

        A Pod's address outside of it is a no. Inside of it, plugins differ. Pods in the host
        network have their node's addresses, to which blocks apply.
        """
        addresses = (end.ip,) if isinstance(end, Address) else end.addresses
        inside = {self._has(address) for address in addresses}
        if inside == {False}:
            return False
        if isinstance(end, Pod) and not end.host_network:
            return Unknown(
                f"{self.path}: whether a block applies to the address of a Pod ({end})"
                " depends on the network plugin"
            )
        if inside == {True}:
            return True
        problem = "some addresses of {} are in it" if inside else "the addresses of {} are unknown"
        return Unknown(f"{self.path}: {problem.format(end)}")

    def _has(self, address: str) -> bool:
        parsed = parse_ip(address)
        return parsed in self.cidr and not any(parsed in one for one in self.excepts)


Peer = SelectorPeer | BlockPeer | Unknown


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of ``ingress`` or ``egress``: without ports it allows all, without peers also."""

    ports: tuple[PortRule | Unknown, ...]
    peers: tuple[Peer, ...]

    def allows(self, question: Question, other: Endpoint) -> Ternary:
        """Whether it allows the question's port to or from ``other``, the end it is not about."""
        port = self._port(question)
        return port if port is False else all_of((port, self._peer(other)))

    def _port(self, question: Question) -> Ternary:
        return not self.ports or any_of(
            one if isinstance(one, Unknown) else one.matches(question) for one in self.ports
        )

    def _peer(self, other: Endpoint) -> Ternary:
        return not self.peers or any_of(
            one if isinstance(one, Unknown) else one.matches(other) for one in self.peers
        )


def read_rules(value: object, path: str, peers: str, own: str) -> tuple[Rule | Unknown, ...]:
    """Return the rules of one direction; ``peers`` is ``from`` or ``to``, ``own`` the namespace."""

    def read(item: object, where: str) -> Rule:
        fields = read_fields(item, where, ("ports", peers))
        return Rule(
            read_each(fields.get("ports"), f"{where}.ports", _read_port),
            read_each(fields.get(peers), f"{where}.{peers}", partial(_read_peer, own=own)),
        )

    try:
        return read_each(value, path, read)
    except UnreadableField as error:
        return (error.unknown,)


def _read_port(item: object, path: str) -> PortRule:
    fields = read_fields(item, path, ("protocol", "port", "endPort"))
    protocol = fields.get("protocol", "TCP")
    if protocol not in PROTOCOLS:
        raise UnreadableField(f"{path}.protocol", f"is not one of {', '.join(PROTOCOLS)}")
    port, last = fields.get("port"), fields.get("endPort")
    if last is not None and not _is_number(port):
        raise UnreadableField(f"{path}.endPort", "needs a port that is a number")
    if port is None:
        return PortRule(protocol)
    if isinstance(port, str):
        if not _PORT_NAME.fullmatch(port):
            raise UnreadableField(f"{path}.port", f"has {port!r}, which is not a port name")
        return PortRule(protocol, name=port)
    if not _is_number(port):
        raise UnreadableField(f"{path}.port", "is not a port number (1 to 65535)")
    if last is not None and not (_is_number(last) and last >= port):
        raise UnreadableField(f"{path}.endPort", "is not a port number from port to 65535")
    return PortRule(protocol, port, port if last is None else last)


def _is_number(port: object) -> bool:
    return isinstance(port, int) and not isinstance(port, bool) and 1 <= port <= 65535


def _read_peer(item: object, path: str, own: str) -> SelectorPeer | BlockPeer:
    fields = read_fields(item, path, ("podSelector", "namespaceSelector", "ipBlock"))
    pods, namespaces = fields.get("podSelector"), fields.get("namespaceSelector")
    selects = pods is not None or namespaces is not None
    block = fields.get("ipBlock")
    if selects is (block is not None):
        raise UnreadableField(path, "needs selectors or an ipBlock, and not both")
    if block is not None:
        return _read_block(block, f"{path}.ipBlock")
    return SelectorPeer(
        own,
        None if pods is None else Selector(pods, f"{path}.podSelector"),
        None if namespaces is None else Selector(namespaces, f"{path}.namespaceSelector"),
    )


def _read_block(value: object, path: str) -> BlockPeer:
    fields = read_fields(value, path, ("cidr", "except"))
    cidr = _read_network(fields.get("cidr"), f"{path}.cidr")
    excepts = []
    for where, item in read_list(fields.get("except"), f"{path}.except"):
        network = _read_network(item, where)
        if network == cidr or not _is_within(network, cidr):
            raise UnreadableField(where, f"is not a part of {cidr}")
        excepts.append(network)
    return BlockPeer(cidr, tuple(excepts), path)


def _read_network(value: object, path: str) -> Network:
    """Return an address range; one with bits beyond its mask has no agreed meaning."""
    try:
        network = ip_network(value) if isinstance(value, str) and _CIDR.fullmatch(value) else None
    except ValueError:
        network = None
    if network is None or getattr(network.network_address, "ipv4_mapped", None):
        raise UnreadableField(path, f"has {value!r}, which is not a valid address range")
    return network


def _is_within(part: Network, whole: Network) -> bool:
    if isinstance(part, IPv4Network) and isinstance(whole, IPv4Network):
        return part.subnet_of(whole)
    if isinstance(part, IPv6Network) and isinstance(whole, IPv6Network):
        return part.subnet_of(whole)
    return False
