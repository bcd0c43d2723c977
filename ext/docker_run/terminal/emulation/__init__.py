"""A terminal emulator: what programs write → cells of a screen, and lines that scrolled off. Pure."""
