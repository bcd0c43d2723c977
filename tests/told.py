"""Progress, for tests."""

from __future__ import annotations


class Quiet:
    """Progress that nobody looks at."""

    def note(self, message: str) -> None: ...
    def image(self, name: str, status: str) -> None: ...
    def command(self, page: str, text: str) -> None: ...


class Seen(Quiet):
    """Progress that remembers what it was told of images, (name, status), and besides."""

    def __init__(self) -> None:
        self.images: list[tuple[str, str]] = []
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)

    def image(self, name: str, status: str) -> None:
        self.images.append((name, status))

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.images]

    @property
    def pushed(self) -> list[str]:
        """The names of the images that were put into a registry."""
        return sorted(name for name, status in self.images if status == "into the registry of the labs")
