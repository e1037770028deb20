import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtgraph.nodes.plant.preprocess import AreaResize


def area_mean(picture, out_height, out_width):
    """Compute the area mean by its definition: each old pixel counts by the area that it shares with the new one."""
    height, width = picture.shape
    tall, wide = height / out_height, width / out_width
    small = np.zeros((out_height, out_width))
    for row in range(out_height):
        for column in range(out_width):
            for y in range(int(row * tall), min(height, int(np.ceil((row + 1) * tall)))):
                shared_height = min(y + 1, (row + 1) * tall) - max(y, row * tall)
                for x in range(int(column * wide), min(width, int(np.ceil((column + 1) * wide)))):
                    shared_width = min(x + 1, (column + 1) * wide) - max(x, column * wide)
                    small[row, column] += picture[y, x] * shared_height * shared_width / (tall * wide)
    return small


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)


@pytest.mark.parametrize("height", [210, 250, 144])
def test_the_pictures_of_the_consoles_are_averaged_by_area(height):
    picture = noise(height, 160)
    small = AreaResize(height, 160)(picture)
    assert small.shape == (84, 84)
    assert small.dtype == np.uint8
    assert np.abs(small - area_mean(picture, 84, 84)).max() <= 0.501


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_smaller_size_is_averaged_by_area(data):
    height, width = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 30))
    out_height, out_width = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    picture = noise(height, width, data.draw(st.integers(0, 99)))
    small = AreaResize(height, width, out_height, out_width)(picture)
    assert np.abs(small - area_mean(picture, out_height, out_width)).max() <= 0.501


@pytest.mark.parametrize("level", [0, 1, 254, 255])
def test_an_even_picture_stays_even_and_in_range(level):
    assert (AreaResize(210, 160)(np.full((210, 160), level, np.uint8)) == level).all()


def test_a_picture_of_the_same_size_is_unchanged():
    assert (AreaResize(84, 84)(noise(84, 84)) == noise(84, 84)).all()


def test_each_call_gives_an_array_of_its_own():
    resize = AreaResize(210, 160)
    first = resize(noise(210, 160, 1))
    kept = first.copy()
    resize(noise(210, 160, 2))
    assert (first == kept).all()


def test_a_picture_may_be_a_view():
    picture = noise(210, 320)[:, ::2]
    assert (AreaResize(210, 160)(picture) == AreaResize(210, 160)(picture.copy())).all()


@pytest.mark.parametrize("picture", [np.zeros((160, 210), np.uint8), np.zeros((210, 160), np.float32)])
def test_another_shape_or_type_is_refused(picture):
    with pytest.raises(ValueError, match=r"expected an image of \(210, 160\) uint8, got"):
        AreaResize(210, 160)(picture)


@pytest.mark.parametrize(
    "sizes", [(80, 160, 84, 84), (210, 80, 84, 84), (210, 160, 0, 84), (210, 160, 84, -1)]
)
def test_pictures_are_never_enlarged(sizes):
    with pytest.raises(ValueError, match="cannot shrink"):
        AreaResize(*sizes)
