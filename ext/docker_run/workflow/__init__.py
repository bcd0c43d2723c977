"""The stages of a build between reading pages and writing them, independent of Sphinx and Docker.

plan (which sessions run, and why) → run (`docker_run.workflow.run`) → settle (record, refuse or compare)
→ page (what each page shows, and its findings). `Workflow` executes them in order. At the end, reporters
report the results (`docker_run.workflow.reports.junit_report` and others).
"""

__all__ = ["page", "reports", "rerun_reasons", "runner_registry", "settle", "stages", "stores"]
