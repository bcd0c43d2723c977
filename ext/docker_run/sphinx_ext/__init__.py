"""The part that Sphinx sees: configuration, directives, domain, transforms, builders."""

__all__ = ["extension"]
