"""The stages of a build between reading pages and writing them; they know neither Sphinx nor Docker.

plan (which sessions run, and why) → run (`docker_run.workflow.run`) → settle (kept, refused or compared)
→ page (what each page shows, and what is wrong with it). `Workflow` takes them one after another. At the
end, reporters tell what came of it (`docker_run.workflow.reports.junit_report` and others).
"""

__all__ = ["changes", "page", "reports", "runner_registry", "settle", "stages", "stores", "verify"]
