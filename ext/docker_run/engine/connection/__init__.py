"""Connecting to an engine: discovery, endpoints, credentials, clients and their connections."""

__all__ = [
    "answers",
    "client_config",
    "client_pool",
    "connect",
    "credentials",
    "discovery",
    "endpoints",
    "product",
]
