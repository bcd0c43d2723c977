"""The nodes for commands and output, and their rendering in each format."""

__all__ = ["assets", "error_boxes", "file_blocks", "footer", "nodes", "report_tables", "unprintable"]
