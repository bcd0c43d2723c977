"""Files with the results of a build, for other programs."""

__all__ = ["json_report", "junit_report"]
