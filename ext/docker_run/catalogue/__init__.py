"""The image catalogue, read: references, build contexts, Dockerfiles, the lock file. Needs no engine."""
