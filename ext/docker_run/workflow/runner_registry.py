"""The registry of a project's runners, and the places that they serve."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType

from docker_run.errors import DockerRunError
from docker_run.model import Place, RunnerTraits
from docker_run.near_matches import near_match
from docker_run.protocols import Runner


class RunnerRegistry:
    """Finds the runner of a place. The definitions of places are cached."""

    def __init__(self, runners: Mapping[str, Runner] = MappingProxyType({})) -> None:
        """`runners` are all runners, by name; a runner's own name takes precedence over another's places."""
        self.by_name = runners
        further = {place: name for name in sorted(runners) for place in runners[name].places()}
        self._names = further | {name: name for name in runners}
        self._places: dict[str, Place] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all places, sorted."""
        return tuple(sorted(self._names))

    def __contains__(self, place: object) -> bool:
        """Return whether there is a place of this name."""
        return place in self._names

    def traits(self, place: str) -> RunnerTraits:
        """Return the traits of the runner of `place`, which has to exist."""
        return self.by_name[self._names[place]].traits

    def place(self, name: str) -> Place:
        """Return the place of this name, which has to exist, for a session."""
        if name not in self._places:
            runner = self._names[name]
            definition = ""
            # Reported with the settings, and again when a session is opened there.
            with suppress(DockerRunError, OSError):
                definition = self.by_name[runner].definition(name)
            self._places[name] = Place(name, definition, runner, self.by_name[runner].traits)
        return self._places[name]

    def title(self, place: str) -> str:
        """Return the title of `place` for reports, even if it is only known from a recording."""
        runner = self._names.get(place)
        return place if runner is None else self.by_name[runner].title(place)


def unknown_place(name: str, places: Iterable[str]) -> str:
    """Return the message for an unknown place, with a suggestion or the known places."""
    places = sorted(places)
    close = near_match(name, places)
    known = ", ".join(f"`{place}`" for place in places)
    meant = f"did you mean `{close}`?" if close else f"known: {known}"
    return f"there is no kind of lab or runner called `{name}`: {meant}"
