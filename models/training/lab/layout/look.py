"""Pages and their maps side by side, for the eye."""
import numpy as np
from PIL import Image

from .kinds import KINDS

PALETTE = np.array([(255, 255, 255), (120, 160, 255), (255, 0, 0), (255, 120, 0), (0, 170, 0), (255, 0, 255), (160, 160, 160), (0, 200, 200), (150, 90, 0),
                    (0, 90, 90), (110, 0, 160), (255, 210, 0), (190, 170, 0), (255, 160, 200), (0, 255, 120), (90, 0, 0)], np.uint8)


def coloured(gray: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    large = np.asarray(Image.fromarray(kinds).resize((gray.shape[1], gray.shape[0]), Image.Resampling.NEAREST))
    colours = np.vstack([PALETTE, np.full((256 - len(PALETTE), 3), 230, np.uint8)])[large]
    return (colours.astype(np.uint16) * (96 + gray[..., None].astype(np.uint16) * 159 // 255) // 255).astype(np.uint8)


def sheet(pages, across: int = 4, side: int = 640) -> Image.Image:
    assert len(PALETTE) == len(KINDS)
    rows = -(-len(pages) // across)
    out = Image.new("RGB", (across * side, rows * side), "white")
    for i, (gray, kinds) in enumerate(pages):
        tile = Image.fromarray(coloured(gray, kinds))
        tile.thumbnail((side - 8, side - 8))
        out.paste(tile, (i % across * side, i // across * side))
    return out
