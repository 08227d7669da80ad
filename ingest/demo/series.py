"""Synthetic measurements: plausible shapes from a random generator, the same for the same seed. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.demo.plan import Product

__all__ = ["FILL", "Series", "synthesise"]

Floats = NDArray[np.float64]

#: ISTP fill value of floating point variables
FILL = -1.0e31

_DAY_S = 86_400.0
_CHANNELS = 24
#: differential flux in 1/(cm2 s sr eV): core of a Maxwellian, background, and halo at 100 eV and 1 ion per cm3
_FLUX_SCALE = 5.0e5
_FLUX_FLOOR = 10.0
_HALO = 60.0


@dataclass(frozen=True, slots=True)
class Series:
    """Variables of one product over the whole time, by name, records first; `None` keys nothing else."""

    variables: Mapping[str, NDArray[np.float32] | NDArray[np.int16]]
    #: energies of the channels in eV: one row for all records, or one row for each; empty if there are none
    energies: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Plasma:
    density: Floats
    velocity: Floats
    temperature: Floats


def synthesise(product: Product, seconds: Floats, rng: np.random.Generator) -> Series:
    """The measurements of a product at these times (seconds from the start of the archive, evenly spaced)."""
    no_energies = np.empty(0, dtype=np.float32)
    match product.kind.code:
        case "mag":
            return Series(_field_variables(product, seconds, rng), no_energies)
        case "mom":
            return Series(_moment_variables(_plasma(product, seconds, rng), rng), no_energies)
        case "spec":
            energies = _energies(seconds, moving=product.moving_energies)
            flux = _flux(_plasma(product, seconds, rng), energies, rng)
            return Series({"ion_flux": _with_fill(flux, rng, 3)}, energies)
        case code:
            raise ValueError(f"no series for products of kind {code}")


def _noise(rng: np.random.Generator, count: int, exponent: float = 5 / 6) -> Floats:
    """Noise with a power-law spectrum as in turbulence (amplitude ~ f**-exponent), zero mean, unit variance."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequencies = np.arange(1, spectrum.size, dtype=np.float64)
    spectrum[0] = 0.0
    spectrum[1:] *= frequencies**-exponent
    noise: Floats = np.fft.irfft(spectrum, count)
    noise /= noise.std()
    return noise


def _bursts(rng: np.random.Generator, count: int, number: int, length: int) -> NDArray[np.bool_]:
    """True in a few short runs of records."""
    marked = np.zeros(count, dtype=np.bool_)
    for start in rng.integers(0, count - length, number):
        marked[start : start + length] = True
    return marked


def _rounded(values: Floats, decimals: int) -> NDArray[np.float32]:
    return np.round(values, decimals).astype(np.float32)


def _with_fill(values: Floats, rng: np.random.Generator, decimals: int) -> NDArray[np.float32]:
    filled = _rounded(values, decimals)
    filled[_bursts(rng, len(values), number=12, length=max(2, len(values) // 5000))] = FILL
    return filled


def _inside(product: Product, seconds: Floats) -> Floats:
    """0 in the solar wind and 1 inside the obstacle, with smooth crossings once per orbit."""
    match product.spacecraft.letter:
        case "a":
            return np.zeros_like(seconds)
        case "b":
            return np.ones_like(seconds)
        case _:
            phase = np.cos(2 * np.pi * seconds / (4.5 * 3600))
            return 0.5 * (1 + np.tanh((phase - 0.4) * 12))


def _radius(seconds: Floats) -> Floats:
    """Distance of Synthia-B from the Earth in Earth radii: once a day between 4 and 10."""
    return 7.0 - 3.0 * np.cos(2 * np.pi * seconds / _DAY_S)


def _field(product: Product, seconds: Floats, rng: np.random.Generator) -> Floats:
    count = seconds.size
    noise = np.stack([_noise(rng, count) for _ in range(3)], axis=1)
    if product.spacecraft.letter == "b":
        strength = 31_000.0 / _radius(seconds) ** 3
        tilt = 0.3 * np.sin(2 * np.pi * seconds / _DAY_S)
        background = np.stack([strength * np.sin(tilt), 0.05 * strength, strength * np.cos(tilt)], axis=1)
        return background + noise * (0.5 + 0.01 * strength)[:, None]
    sector = np.tanh((seconds - 3.3 * _DAY_S) / 7200.0)
    inside = _inside(product, seconds)
    strength = 3.0 + 12.0 * inside if product.spacecraft.letter == "c" else np.full(count, 5.0)
    background = np.stack([0.7 * sector * strength, -0.7 * sector * strength, 0.1 * strength], axis=1)
    return background + noise * (0.3 * strength)[:, None]


def _field_variables(
    product: Product, seconds: Floats, rng: np.random.Generator
) -> dict[str, NDArray[np.float32] | NDArray[np.int16]]:
    vector = _with_fill(_field(product, seconds, rng), rng, 2)
    missing = vector[:, 0] == np.float32(FILL)
    strength = _rounded(np.sqrt((vector.astype(np.float64) ** 2).sum(axis=1)), 2)
    strength[missing] = FILL
    doubtful = _bursts(rng, seconds.size, number=6, length=60)
    quality = np.where(missing, 2, np.where(doubtful, 1, 0)).astype(np.int16)
    return {"B_vector": vector, "B_magnitude": strength, "quality_flag": quality}


def _plasma(product: Product, seconds: Floats, rng: np.random.Generator) -> _Plasma:
    count = seconds.size
    noise = [_noise(rng, count) for _ in range(5)]
    inside = _inside(product, seconds)
    stream = 0.5 * (1 + np.tanh((seconds - 3.3 * _DAY_S) / 10_800.0))
    if product.spacecraft.letter == "b":
        density = 0.6 * np.exp(0.4 * noise[0])
        speed = -20.0 + 25.0 * noise[1]
        temperature = 2500.0 * np.exp(0.25 * noise[4])
    else:
        density = (7.0 - 4.0 * stream) * (1 + 2.5 * inside) * np.exp(0.2 * noise[0])
        speed = -(380.0 + 220.0 * stream) * (1 - 0.6 * inside) + 12.0 * noise[1]
        temperature = (8.0 + 14.0 * stream) * (1 + 12.0 * inside) * np.exp(0.15 * noise[4])
    velocity = np.stack([speed, 18.0 * noise[2], 12.0 * noise[3]], axis=1)
    return _Plasma(density, velocity, temperature)


def _moment_variables(plasma: _Plasma, rng: np.random.Generator) -> dict[str, NDArray[np.float32] | NDArray[np.int16]]:
    density = _with_fill(plasma.density, rng, 3)
    missing = density == np.float32(FILL)
    velocity, temperature = _rounded(plasma.velocity, 1), _rounded(plasma.temperature, 2)
    velocity[missing] = FILL
    temperature[missing] = FILL
    return {"density": density, "velocity": velocity, "temperature": temperature}


def _energies(seconds: Floats, *, moving: bool) -> NDArray[np.float32]:
    low = np.geomspace(20.0, 20_000.0, _CHANNELS)
    if not moving:
        return _rounded(low, 1)
    # two modes of the instrument, six hours each
    high = np.geomspace(100.0, 40_000.0, _CHANNELS)
    mode = (seconds // 21_600).astype(np.int64) % 2
    return _rounded(np.stack([low, high])[mode], 1)


def _flux(plasma: _Plasma, energies: NDArray[np.float32], rng: np.random.Generator) -> Floats:
    """Differential flux of a Maxwellian of protons that drifts with the plasma, with a halo and counting noise."""
    channels = np.broadcast_to(energies.astype(np.float64), (plasma.density.size, energies.shape[-1]))
    density, thermal = plasma.density[:, None], plasma.temperature[:, None]
    drift = 5.22e-3 * (plasma.velocity**2).sum(axis=1)[:, None]  # eV for protons with km/s
    exponent = -((np.sqrt(channels) - np.sqrt(drift)) ** 2) / thermal
    core = _FLUX_SCALE * density / thermal**1.5 * channels * np.exp(np.maximum(exponent, -80.0))
    halo = _HALO * density * (channels / 100.0) ** -1.5
    flux: Floats = (core + halo + _FLUX_FLOOR) * np.exp(0.1 * rng.standard_normal(channels.shape))
    return flux
