"""Commands and output as nodes of a doctree, and how each format shows them."""

__all__ = ["assets", "error_boxes", "file_blocks", "nodes", "report_tables", "unprintable"]
