"""The runners of a project, by their names, and the places that they serve."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType

from docker_run.errors import DockerRunError
from docker_run.model import Place, RunnerTraits
from docker_run.near_matches import near_match
from docker_run.protocols import Runner


class RunnerRegistry:
    """Finds the runner of a place. What identifies a machine is asked for once."""

    def __init__(self, runners: Mapping[str, Runner] = MappingProxyType({})) -> None:
        """`runners` are all that there are, each by its name; a place of one's own comes before another's."""
        self.by_name = runners
        further = {place: name for name in sorted(runners) for place in runners[name].places()}
        self._names = further | {name: name for name in runners}
        self._places: dict[str, Place] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all places, sorted."""
        return tuple(sorted(self._names))

    def __contains__(self, place: object) -> bool:
        """Tell whether there is a place of this name."""
        return place in self._names

    def traits(self, place: str) -> RunnerTraits:
        """Return what the runner of `place`, which there is, can do."""
        return self.by_name[self._names[place]].traits

    def place(self, name: str) -> Place:
        """Return the place of this name, which there is, for a session."""
        if name not in self._places:
            runner = self._names[name]
            definition = ""
            # Reported with the settings; who should open a session there says it, too.
            with suppress(DockerRunError, OSError):
                definition = self.by_name[runner].definition(name)
            self._places[name] = Place(name, definition, runner, self.by_name[runner].traits)
        return self._places[name]

    def title(self, place: str) -> str:
        """Return what reports call `place`: also one of which a recording tells, and that is gone."""
        runner = self._names.get(place)
        return place if runner is None else self.by_name[runner].title(place)


def unknown_place(name: str, places: Iterable[str]) -> str:
    """Say that there is no place called `name`, and which was meant, or which there are."""
    places = sorted(places)
    close = near_match(name, places)
    known = ", ".join(f"`{place}`" for place in places)
    meant = f"did you mean `{close}`?" if close else f"known: {known}"
    return f"there is no kind of lab or runner called `{name}`: {meant}"
