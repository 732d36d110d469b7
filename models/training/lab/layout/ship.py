"""The layout network into models/shipped: fp32 and int8, and the vectors by which Rust checks the contract of net.py."""
import hashlib
import json

import cv2
import numpy as np
from PIL import Image

from ..config import arguments
from ..export import write, write_digests
from ..quantise import quantise
from ..runs import load
from ..ship import SHIPPED
from .evaluate import Looker
from .kinds import KINDS
from .net import areas, kind_of_line, prepare, reduced, shares
from .train import Pages, scanned


def calibration(pages: int):
    """Pages of the training's own, as scanned."""
    source, n = Pages("train"), np.random.default_rng(41)
    source.look()
    for _ in range(pages):
        yield prepare(scanned(source.draw(n)[0], n))[0]


def vectors(model):
    """A page, its input's digest, what the network says of it (raw f32, [16, H / 4, W / 8]), and what is made of exactly that."""
    pages = Pages("held_out")
    pages.look()
    folder = SHIPPED / "vectors"
    best = max((pages.page(pages.files[0], i) for i in range(40)), key=lambda page: len(np.unique(page[1])))  # with the most kinds
    gray = cv2.resize(best[0], None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    Image.fromarray(gray).save(folder / "layout.png", optimize=True)
    x, sx, sy = prepare(gray)
    maps = Looker(model).logits(gray)[0]
    maps.astype("<f4").tofile(folder / "layout-maps.f32")
    behind = reduced(maps)
    votes, n, lines = shares(behind), np.random.default_rng(43), []
    for _ in range(40):  # lines anywhere, some askew, some that run up or down, some too small for a cell
        centre, half = n.uniform(0, 1, 2) * x.shape[:1:-1], np.array([n.uniform(1, 150), n.uniform(.5, 8)])
        turn = n.choice([0, 0, 0, n.uniform(-.1, .1), np.pi / 2, -np.pi / 2])
        axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) * half[:, None]
        corners = np.array([centre - axes[0] - axes[1], centre + axes[0] - axes[1], centre + axes[0] + axes[1], centre - axes[0] + axes[1]])
        kind, share = kind_of_line(votes, corners)
        lines.append(dict(corners=corners.tolist(), kind=KINDS[kind], share=share))
    found = [dict(kind=KINDS[kind], cells=box, share=share) for kind, box, share in areas(behind)]
    (folder / "layout.json").write_text(json.dumps(dict(
        model=model.name, input_shape=list(x.shape), tensor_f32le_sha256=hashlib.sha256(x.astype("<f4").tobytes()).hexdigest(), maps_shape=list(maps.shape),
        behind_sha256=hashlib.sha256(behind.tobytes()).hexdigest(), lines=lines, areas=found), indent=0))


def main():
    parser = arguments(__doc__)
    parser.add_argument("run")
    parser.add_argument("--pages", type=int, default=60, help="for calibration")
    args = parser.parse_args()
    net, _, state = load(args.run)
    path = SHIPPED / "layout.onnx"
    write(net, path, {"run": args.run, "step": str(state["step"]), "kinds": "\n".join(KINDS)})
    quantise(path, path.with_name("layout-int8.onnx"), calibration(args.pages))
    vectors(path)
    write_digests(SHIPPED)
    for path in sorted(SHIPPED.rglob("layout*")):
        print(path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest(), path.relative_to(SHIPPED))


if __name__ == "__main__":
    main()
