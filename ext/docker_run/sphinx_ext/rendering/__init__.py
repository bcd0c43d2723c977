"""Commands and output as nodes of a doctree, and how each format shows them."""
