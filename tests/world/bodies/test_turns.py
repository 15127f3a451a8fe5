"""Rotations by the right hand."""

import math

import numpy as np
import pytest

from lookalike.world.bodies.turns import about, about_x, about_y, about_z, turning

X, Y, Z = np.eye(3)


@pytest.mark.parametrize(("turn", "axis"), [(about_x, X), (about_y, Y), (about_z, Z)])
def test_turns_about_an_axis_agree(turn, axis):
    for angle in (-2.5, -0.3, 0.0, 0.7, 1.9):
        np.testing.assert_allclose(turn(angle), about(3 * axis, angle), atol=1e-12)


def test_a_quarter_turn_about_z_brings_x_to_y():
    np.testing.assert_allclose(about_z(math.pi / 2) @ X, Y, atol=1e-12)
    np.testing.assert_allclose(about_x(math.pi / 2) @ Y, Z, atol=1e-12)
    np.testing.assert_allclose(about_y(math.pi / 2) @ Z, X, atol=1e-12)


def test_turning_brings_a_direction_to_another_the_short_way():
    rng = np.random.default_rng(0)
    for start, end in rng.normal(size=(20, 2, 3)):
        rotation = turning(start, end)
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
        unit = end / np.linalg.norm(end)
        np.testing.assert_allclose(rotation @ start / np.linalg.norm(start), unit, atol=1e-9)
        aside = np.cross(start, end)  # the axis stays
        np.testing.assert_allclose(rotation @ aside, aside, atol=1e-9)
    np.testing.assert_allclose(turning(2 * X, X), np.eye(3), atol=1e-12)
