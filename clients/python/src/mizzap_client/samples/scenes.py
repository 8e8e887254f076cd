"""Painted landscapes that stand in for photos: every scene differs in composition, so that none resembles another.

All take a random generator and a size in pixels and give an array of height × width × 3, float32, 0 to 1. The same
seed gives the same picture.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.float32]
Plane = NDArray[np.float32]
Colour = tuple[float, float, float]
Scene = Callable[[np.random.Generator, int, int], Picture]


def clouds(random: np.random.Generator, width: int, height: int, coarsest: int = 3, octaves: int = 6) -> Plane:
    """Fractal noise, 0 to 1: the sum of ever finer random grids, each of half the strength of the one before."""
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        cells = coarsest * 2**octave
        grid = random.random((max(2, cells * height // width), cells), dtype=np.float32)
        total += np.asarray(Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)) / 2**octave
    low, high = np.percentile(total, (1, 99))
    return np.asarray(np.clip((total - low) / (high - low), 0, 1), np.float32)


def ridge(random: np.random.Generator, width: int, roughness: float = 0.5) -> Plane:
    """A skyline of mountains, 0 to 1, by summing random heights of ever smaller distance."""
    line = np.zeros(width, np.float32)
    for octave in range(8):
        points = random.random(2 + 2**octave)
        line += np.interp(np.linspace(0, len(points) - 1, width), range(len(points)), points) * roughness**octave
    return np.asarray((line - line.min()) / (line.max() - line.min()), np.float32)


def grid(width: int, height: int) -> tuple[Plane, Plane]:
    """Coordinates of every pixel: x from 0 to the aspect ratio, y from 0 (top) to 1."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return x / height, y / height


def gradient(height: int, width: int, *stops: Colour) -> Picture:
    """Colours from top to bottom."""
    at = np.linspace(0, 1, height)
    channels = [np.interp(at, np.linspace(0, 1, len(stops)), [stop[channel] for stop in stops]) for channel in range(3)]
    return np.repeat(np.stack(channels, axis=1)[:, None, :], width, axis=1).astype(np.float32)


def paint(picture: Picture, where: NDArray[np.floating], colour: Colour | Picture) -> None:
    """Lays a colour over the picture; ``where`` says how thickly, 0 to 1."""
    rows, columns = (np.flatnonzero((where > 0).any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return
    # most brush strokes are small: touching their box alone takes a third of the time
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    paper, thick = picture[box], np.clip(where[box], 0, 1)[..., None]
    ink = np.asarray(colour, np.float32)
    paper += (ink[box] - paper if ink.ndim == 3 else ink - paper) * thick


def glow(x: Plane, y: Plane, centre: tuple[float, float], radius: float) -> Plane:
    return np.asarray(np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / radius**2), np.float32)


def disc(x: Plane, y: Plane, centre: tuple[float, float], radius: float, softness: float = 0.004) -> Plane:
    return np.asarray(np.clip((radius - np.hypot(x - centre[0], y - centre[1])) / softness, 0, 1), np.float32)


def mountains(random: np.random.Generator, width: int, height: int) -> Picture:
    """Ridges behind ridges in the haze of the morning."""
    x, y = grid(width, height)
    picture = gradient(height, width, (0.30, 0.45, 0.72), (0.93, 0.72, 0.62), (0.99, 0.88, 0.70))
    sun = (random.uniform(0.3, 1.0), random.uniform(0.22, 0.34))
    paint(picture, glow(x, y, sun, 0.35) * 0.7, (1.0, 0.93, 0.75))
    paint(picture, disc(x, y, sun, 0.045), (1.0, 0.98, 0.9))
    near = np.array(random.choice([(0.05, 0.12, 0.16), (0.10, 0.08, 0.20), (0.06, 0.16, 0.10)]))
    for layer in range(5):
        top = 0.38 + 0.12 * layer - (0.30 - 0.03 * layer) * ridge(random, width, 0.55)
        haze = 0.75 - 0.17 * layer
        shade = near * (1 - haze) + np.array((0.80, 0.68, 0.70)) * haze
        ground = (y - top[None, :]) / 0.003
        texture = clouds(random, width, height, 8, 5)[..., None] * 0.10 * (layer + 1) / 5
        paint(picture, ground, (shade + texture).astype(np.float32))
    return picture


def seaside(random: np.random.Generator, width: int, height: int) -> Picture:
    """A low sun over the sea, its light broken on the waves, sand in front."""
    x, y = grid(width, height)
    picture = gradient(height, width, (0.20, 0.25, 0.50), (0.85, 0.45, 0.40), (0.99, 0.75, 0.40), (0.9, 0.5, 0.3))
    horizon, sun_x = random.uniform(0.42, 0.52), random.uniform(0.3, 1.0)
    sky = clouds(random, width, 4 * height, 3, 6)[::4]
    paint(picture, np.clip(sky * 2.2 - 1.1, 0, 0.7), (0.98, 0.60, 0.50))
    paint(picture, glow(x, y, (sun_x, horizon - 0.05), 0.28), (1.0, 0.85, 0.55))
    paint(picture, disc(x, y, (sun_x, horizon - 0.05), 0.06), (1.0, 0.97, 0.85))
    depth = np.clip((y - horizon) / (1 - horizon), 0, 1)
    swell = np.sin(60 / (depth + 0.06) + 6 * clouds(random, width, height, 6, 4)) * 0.5 + 0.5
    sea = gradient(height, width, (0.6, 0.4, 0.35), (0.16, 0.26, 0.36), (0.05, 0.13, 0.20))
    paint(picture, (y - horizon) / 0.002, sea + (swell * 0.10)[..., None])
    glitter = np.exp(-((x - sun_x) ** 2) / (0.03 + 0.15 * depth) ** 2) * (swell > 0.72) * (y > horizon)
    paint(picture, glitter * 0.85, (1.0, 0.85, 0.6))
    shore = 0.86 + 0.05 * ridge(random, width, 0.4)[None, :] + 0.05 * (x - 0.6)
    grains = random.normal(0, 0.035, (height, width, 1)).astype(np.float32)
    paint(picture, (y - shore) / 0.004, np.asarray((0.55, 0.43, 0.33), np.float32) + grains)
    paint(picture, np.exp(-(((y - shore) / 0.008) ** 2)) * 0.9, (0.95, 0.92, 0.88))
    return picture


def city_at_night(random: np.random.Generator, width: int, height: int) -> Picture:
    """Towers with lit windows, mirrored in the river."""
    x, y = grid(width, height)
    picture = gradient(height, width, (0.02, 0.03, 0.09), (0.10, 0.10, 0.25), (0.45, 0.25, 0.30), (0.2, 0.1, 0.2))
    water = int(height * 0.72)
    for layer, shade in enumerate(((0.10, 0.09, 0.18), (0.05, 0.05, 0.10))):
        left = 0
        while left < width:
            wide, tall = int(random.integers(width // 28, width // 12)), random.uniform(0.12, 0.52 - 0.14 * layer)
            top, right = water - int(height * tall), min(width, left + wide)
            picture[top:water, left:right] = shade
            cell = max(6, height // 90)
            lit = random.random(((water - top) // cell, (right - left) // cell)) < random.uniform(0.15, 0.6)
            for row, column in np.argwhere(lit):
                u, v = top + row * cell + 2, left + column * cell + 2
                picture[u : u + cell // 2, v : v + cell // 2] = random.choice(
                    [(1.0, 0.85, 0.5), (0.9, 0.9, 0.8), (0.6, 0.8, 1.0)]
                )
            left += wide + int(random.integers(0, width // 40))
    mirrored = picture[water - (height - water) : water][::-1]
    ripples = (4 * np.sin(np.arange(height - water) * 0.9) + random.normal(0, 2, height - water)).astype(int)
    for row, shift in enumerate(ripples):
        picture[water + row] = np.roll(mirrored[row], shift, axis=0) * 0.55 + np.array((0.01, 0.02, 0.05))
    moon = (random.uniform(0.2, 1.1), 0.13)
    paint(picture, glow(x, y, moon, 0.12) * 0.4, (0.8, 0.85, 1.0))
    paint(picture, disc(x, y, moon, 0.04), (0.97, 0.96, 0.9))
    return picture


def forest(random: np.random.Generator, width: int, height: int) -> Picture:
    """Trunks in the mist, the farther the paler, on a floor of moss."""
    x, y = grid(width, height)
    picture = gradient(height, width, (0.72, 0.80, 0.62), (0.86, 0.90, 0.78), (0.55, 0.62, 0.42))
    for layer in range(6):
        near = (layer + 1) / 6
        colour = np.array((0.66, 0.74, 0.60)) * (1 - near) + np.array((0.09, 0.07, 0.05)) * near
        for _ in range(14 - 2 * layer):
            middle, lean = random.uniform(0, width / height), random.normal(0, 0.05)
            thick = random.uniform(0.004, 0.012) * (0.6 + 4 * near**2)
            trunk = (thick * (0.7 + 0.5 * y) - np.abs(x - middle - lean * (y - 0.5))) / 0.002
            paint(picture, trunk * (y < 0.66 + 0.26 * near), tuple(colour))
        leaves = np.clip(clouds(random, width, height, 10, 6) * 3 - 1.9, 0, 1) * np.clip(1.1 - 1.9 * y, 0, 1)
        green = np.array((0.62, 0.74, 0.45)) * (1 - near) + np.array((0.16, 0.30, 0.07)) * near
        paint(picture, leaves * 0.8, tuple(green))
    floor = clouds(random, width, height, 24, 5)[..., None]
    moss = np.asarray((0.13, 0.22, 0.06), np.float32) + floor * np.asarray((0.30, 0.34, 0.10), np.float32)
    paint(picture, (y - 0.74 - 0.06 * ridge(random, width)[None, :]) / 0.10, moss)
    paint(picture, np.clip(np.sin(9 * (x + 0.8 * y)) - 0.5, 0, 1) * (1 - y) * 0.35, (1.0, 0.98, 0.80))
    return picture


def flower(random: np.random.Generator, width: int, height: int) -> Picture:
    """One blossom, close up, before a blurred meadow."""
    x, y = grid(width, height)
    picture = gradient(height, width, (0.30, 0.45, 0.20), (0.16, 0.34, 0.12), (0.08, 0.20, 0.07))
    for _ in range(40):
        spot = (random.uniform(0, width / height), random.uniform(0, 1))
        colour = random.choice([(0.75, 0.82, 0.40), (0.35, 0.60, 0.25), (0.95, 0.90, 0.60), (0.55, 0.35, 0.60)])
        paint(picture, disc(x, y, spot, random.uniform(0.02, 0.09), 0.03) * 0.35, tuple(colour))
    centre = (random.uniform(0.5, 0.8), random.uniform(0.42, 0.56))
    paint(
        picture, (0.012 - np.abs(x - centre[0] - 0.12 * (y - centre[1]))) / 0.004 * (y > centre[1]), (0.2, 0.42, 0.12)
    )
    angle = np.arctan2(y - centre[1], x - centre[0])
    away = np.hypot(x - centre[0], y - centre[1])
    hue = random.choice([(0.93, 0.35, 0.55), (0.98, 0.75, 0.15), (0.62, 0.40, 0.90), (0.95, 0.95, 0.98)])
    count = int(random.integers(8, 21))
    for ring, reach in enumerate((0.36, 0.28, 0.20)):
        edge = reach * (0.72 + 0.28 * np.abs(np.cos(angle * count / 2 + ring)) ** 0.6)
        veins = 0.86 + 0.14 * np.sin(angle * count * 6) * np.clip(away / reach, 0, 1)
        light = np.clip(0.62 + 0.45 * away / reach - 0.06 * ring, 0, 1) * veins
        paint(picture, (edge - away) / 0.004, (np.asarray(hue, np.float32) * light[..., None]).astype(np.float32))
    seeds = 0.6 + 0.4 * np.sin(180 * away + 9 * angle) * np.cos(24 * angle)
    heart = np.asarray((0.80, 0.55, 0.12), np.float32) * seeds[..., None]
    paint(picture, (0.085 - away) / 0.004, heart.astype(np.float32))
    return picture


def balloons(random: np.random.Generator, width: int, height: int) -> Picture:
    """Hot-air balloons above a valley in the afternoon."""
    x, y = grid(width, height)
    picture = gradient(height, width, (0.18, 0.48, 0.85), (0.50, 0.75, 0.95), (0.88, 0.92, 0.95))
    paint(picture, np.clip(clouds(random, width, height, 4, 6) * 2.4 - 1.35, 0, 0.9), (1.0, 1.0, 1.0))
    hills = 0.82 - 0.14 * ridge(random, width, 0.35)[None, :]
    fields = clouds(random, width, height, 14, 4)[..., None]
    paint(picture, (y - hills) / 0.003, np.asarray((0.26, 0.42, 0.12), np.float32) + fields * 0.22)
    for size in sorted(random.uniform(0.04, 0.17, 7)):
        middle = (random.uniform(0.08, width / height - 0.08), random.uniform(0.12, 0.62))
        u, v = (x - middle[0]) / size, (y - middle[1]) / size
        skin = (
            1 - np.hypot(u / np.where(v > 0, 1 - 0.42 * np.clip(v, 0, 1.25), 1), v / np.where(v > 0, 1.25, 1))
        ) / 0.02
        stripes = np.sin(np.arcsin(np.clip(u, -1, 1)) * random.integers(4, 9)) > 0
        first, second = random.choice([(0.85, 0.15, 0.12), (0.10, 0.30, 0.70), (0.95, 0.60, 0.08)]), (0.97, 0.93, 0.82)
        shade = (0.72 + 0.28 * (u < 0) + 0.1 * v)[..., None]
        cloth = np.where(stripes[..., None], np.asarray(first), np.asarray(second)) * shade
        paint(picture, skin, cloth.astype(np.float32))
        paint(picture, (np.abs(u) < 0.13) * (np.abs(v - 1.55) < 0.12) * 1.0, (0.35, 0.22, 0.10))
    return picture


def aurora(random: np.random.Generator, width: int, height: int) -> Picture:
    """Northern lights and stars over a frozen lake."""
    _, y = grid(width, height)
    picture = gradient(height, width, (0.01, 0.02, 0.07), (0.03, 0.08, 0.16), (0.05, 0.14, 0.18))
    stars = (random.random((height, width)) > 0.9985) * random.random((height, width))
    paint(picture, stars.astype(np.float32), (1.0, 1.0, 1.0))
    for green, strength in (((0.25, 0.95, 0.55), 0.85), ((0.55, 0.30, 0.85), 0.6), ((0.2, 0.85, 0.75), 0.7)):
        foot = 0.26 + 0.26 * ridge(random, width, 0.25)[None, :]
        rays = 0.45 + 0.55 * clouds(random, width, 4, 30, 4)[:1]
        above, below = np.clip(foot - y, 0, 1) / 0.20, np.clip(y - foot, 0, 1) / 0.025
        curtain = np.exp(-(above**1.3) - below**2)
        paint(picture, curtain * rays * strength, green)
    shore = 0.66 - 0.12 * ridge(random, width, 0.6)[None, :]
    line = int(height * 0.68)
    paint(picture, (y - shore) / 0.003, (0.02, 0.03, 0.05))
    ice = clouds(random, width, height, 10, 6)[line:, :, None]
    picture[line:] = picture[line - (height - line) : line][::-1] * (0.35 + 0.35 * ice) + ice * np.array(
        (0.05, 0.08, 0.1)
    )
    return picture


def dunes(random: np.random.Generator, width: int, height: int) -> Picture:
    """Sand dunes with sharp crests and ripples, light from one side."""
    x, y = grid(width, height)
    picture = gradient(height, width, (0.16, 0.40, 0.75), (0.58, 0.76, 0.90), (0.93, 0.86, 0.74))
    for layer in range(4):
        swing = random.uniform(1.5, 4), random.uniform(0, 6)
        crest = 0.40 + 0.15 * layer - 0.12 * np.abs(np.sin(x[:1] * swing[0] + swing[1])) ** 0.8
        depth = np.clip(y - crest, 0, 1)
        lit = np.cos(x * swing[0] + swing[1] + depth * 3) > 0
        ripples = np.sin((depth * 90 + 8 * clouds(random, width, height, 5, 3) + x * 22) * (1 + 0.2 * layer)) * 0.045
        bright = np.where(lit, 1.0, 0.55) * (0.80 + 0.07 * layer) + ripples - 0.25 * depth
        sand = np.asarray((0.93, 0.66, 0.38), np.float32) * bright[..., None]
        paint(picture, (y - crest) / 0.002, sand.astype(np.float32))
    return picture


SCENES: tuple[Scene, ...] = (mountains, seaside, city_at_night, forest, flower, balloons, aurora, dunes)
