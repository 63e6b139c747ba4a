"""The trading operator: keeps what a TradingAlgorithm asks for running. Start at README.md."""

MANAGER = "trading-operator"
"""Who we are to the API server: field manager, reporter of events."""

FINALIZER = "fintech.io/trading-algorithm-cleanup"
"""Holds a TradingAlgorithm until what it owns is gone. We remove this one and no other."""
