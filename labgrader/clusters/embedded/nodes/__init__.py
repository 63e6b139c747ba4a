"""Real nodes: a kubelet and all it needs, together with the whole cluster in namespaces of its own.

Deliberately imports nothing: the supervisor imports parts of this package and stays small.
"""
