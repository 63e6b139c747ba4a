"""NetworkPolicies: which Pod may reach which on which port, worked out from the objects alone.

``NetworkPolicies`` (evaluator) reads the policies once and answers ``Question``s (peers) about
``Pod``, ``Node`` and ``Address``. Each ``Answer`` (answers) is allowed, denied or cannot be judged,
and says which policies decided it. Nothing here asks a cluster, and nothing sends a packet.
"""
