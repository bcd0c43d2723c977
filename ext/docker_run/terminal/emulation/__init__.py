"""A terminal emulator: output of programs → cells of a screen, and its scrollback. Pure."""

__all__ = ["cells", "characters", "emulator", "rendition", "scrollback", "spans"]
