import numpy as np

from alexcli.analysis.tiles import tile_rows


def test_rows_are_filled_up_with_white() -> None:
    tiles = tile_rows(np.zeros((5, 2, 3, 3)), across=4)
    assert tiles.shape == (2, 4, 2, 3, 3)
    assert tiles.dtype == np.uint8
    assert tiles[1, 0].max() == 0
    assert tiles[1, 1:].min() == 255


def test_one_channel_becomes_gray_and_fractions_grey_levels() -> None:
    image = np.array([0.0, 0.5, 1.0]).reshape(1, 1, 3, 1)
    (((row,),),) = tile_rows(image, across=1)
    assert row.tolist() == [[0, 0, 0], [128, 128, 128], [255, 255, 255]]
