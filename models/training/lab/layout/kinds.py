"""What a cell of the map may be. The order is the network's: Rust has the same list (models/src/ocr/compact/layout.rs)."""

KINDS = (
    "nothing", "paragraph", "title", "heading", "list-item", "table", "figure", "caption", "formula", "code", "footnote",
    "page-header", "page-footer", "page-number", "marginal-note", "stamp",
)
INDEX = {kind: i for i, kind in enumerate(KINDS)}
NOTHING = 0
AREAS = tuple(INDEX[kind] for kind in ("table", "figure", "formula", "code"))  # what is a region as a whole, not only lines
