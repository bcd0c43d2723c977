"""Reaching an engine: discovery, endpoints, credentials, clients and their connections."""
