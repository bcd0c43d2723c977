"""The grammar of `docker run`: command line → settings of a container. Pure."""

__all__ = ["container_options", "flag_table", "run_line", "subcommands", "values"]
