"""Reporters that write the results of a build for other programs."""

__all__ = ["github_annotations", "json_report", "junit_report"]
