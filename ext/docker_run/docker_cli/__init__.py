"""The grammar of `docker run`: a line of text becomes the settings of a container. Pure."""

__all__ = ["container_options", "flag_table", "run_line", "subcommands", "values"]
