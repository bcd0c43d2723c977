"""A terminal emulator: what programs write → cells of a screen, and lines that scrolled off. Pure."""

__all__ = ["cells", "characters", "emulator", "rendition", "scrollback", "spans"]
