"""The values of flags, read as the CLI reads them. Pure."""
