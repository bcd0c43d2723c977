"""The Sphinx extension: configuration, directives, domain, transforms, builders."""

__all__ = ["extension", "runner_registration"]
