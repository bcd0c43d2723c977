"""The part that Sphinx sees: configuration, directives, domain, transforms, builders."""
