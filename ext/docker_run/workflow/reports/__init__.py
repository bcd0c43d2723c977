"""Reporters that write the results of a build to files, for other programs."""

__all__ = ["json_report", "junit_report"]
